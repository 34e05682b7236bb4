package controller

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

func TestController(t *testing.T) {
	t.Run("an object is scaled, and its deletion leaves the count", testObjectIsScaledAndItsDeletionLeavesCount)
	t.Run("of two objects on a target the older one wins, and the other takes over after its deletion", testOfTwoObjectsOnTargetOlderOneWinsAndOtherTakesOverAfterItsDeletion)
	t.Run("an annotation without an effect is reported in the status", testAnnotationWithoutEffectIsReportedInStatus)
	t.Run("an older object that is listed later takes over the target", testOlderObjectThatIsListedLaterTakesOverTarget)
	t.Run("an object that changes its target releases the old one", testObjectThatChangesItsTargetReleasesOldOne)
	t.Run("two versions of an API name the same target", testTwoVersionsOfAPINameSameTarget)
	t.Run("an invalid edit keeps the last valid version", testInvalidEditKeepsLastValidVersion)
	t.Run("the mistakes of an object are still reported when another claims its target", testMistakesOfObjectAreStillReportedWhenAnotherClaimsItsTarget)
	t.Run("an invalid object is followed once it is valid", testInvalidObjectIsFollowedOnceItIsValid)
	t.Run("an edit of the policy keeps the autoscaler", testEditOfPolicyKeepsAutoscaler)
	t.Run("a pause is followed although it changes no generation", testPauseIsFollowedAlthoughItChangesNoGeneration)
	t.Run("our own status update causes nothing", testOurOwnStatusUpdateCausesNothing)
	t.Run("a changed trigger replaces the autoscaler, which keeps the memory of the old one", testChangedTriggerReplacesAutoscalerWhichKeepsMemoryOfOldOne)
	t.Run("the old autoscaler finishes its write first", testOldAutoscalerFinishesItsWriteFirst)
	t.Run("a new object with an old name starts without memory", testNewObjectWithOldNameStartsWithoutMemory)
	t.Run("the next term of this process starts with the memory of the last one", testNextTermOfThisProcessStartsWithMemoryOfLastOne)
	t.Run("another process restores its memory from the status", testAnotherProcessRestoresItsMemoryFromStatus)
	t.Run("objects that are not in a list are deleted", testObjectsThatAreNotInListAreDeleted)
	t.Run("after a restart a target stays with its object", testAfterRestartTargetStaysWithItsObject)
	t.Run("a bad trigger of one object does not affect another", testBadTriggerOfOneObjectDoesNotAffectAnother)
}

func testObjectIsScaledAndItsDeletionLeavesCount(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.turn("web", 5)
		w.apply(object("web"))
		w.want("web", 5)
		w.ready("web", "Ready")
		w.remove("web")
		w.sources("web", 1, 0)
		w.turn("web", 9)
		w.want("web", 5)
		if left := w.stop(); len(left) != 0 {
			t.Errorf("of an object that is gone, %v is remembered", left)
		}
		w.begin(nil)
	})
}

func testOfTwoObjectsOnTargetOlderOneWinsAndOtherTakesOverAfterItsDeletion(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.turn("first", 3)
		w.turn("second", 7)
		first := on(object("first"), "web")
		pass(time.Second)
		second := on(object("second"), "web")
		w.apply(first, second)
		w.want("web", 3)
		w.ready("first", "Ready")
		w.ready("second", "TargetInUse")
		if _, message := w.condition("second"); !strings.Contains(message, "shop/first") {
			t.Errorf("the message does not name the other object: %s", message)
		}
		w.sources("second", 0, 0)
		w.remove("first")
		w.want("web", 7)
		w.ready("second", "Ready")
	})
}

func testAnnotationWithoutEffectIsReportedInStatus(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.turn("web", 5)
		so := object("web")
		w.apply(so)
		for annotation, want := range map[string]string{
			"impulse.sh/pause": `annotation impulse.sh/pause has no effect (did you mean "impulse.sh/paused"?)`, "example.com/owner": "",
		} {
			annotated := so.DeepCopy() // Annotations do not change the generation.
			annotated.Annotations = map[string]string{annotation: "true"}
			w.apply(annotated)
			if reason, message := w.condition("web"); reason != "Ready" || message != want {
				t.Errorf("with %s: %s %q, expected %q", annotation, reason, message, want)
			}
		}
		w.want("web", 5)
	})
}

func testOlderObjectThatIsListedLaterTakesOverTarget(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		w.turn("old", 3)
		w.turn("young", 7)
		old := on(object("old"), "web")
		pass(time.Second)
		w.apply(on(object("young"), "web"))
		w.want("web", 7)
		w.apply(old)
		w.want("web", 3)
		w.ready("young", "TargetInUse")
		w.sources("young", 1, 0)
	})
}

func testObjectThatChangesItsTargetReleasesOldOne(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		w.turn("first", 3)
		w.turn("second", 7)
		first := on(object("first"), "web")
		pass(time.Second)
		w.apply(first, on(object("second"), "web"))
		w.apply(edit(first, func(so *v1alpha1.ScaledObject) { on(so, "other") }))
		w.want("other", 3)
		w.want("web", 7)
		w.ready("second", "Ready")
	})
}

func testTwoVersionsOfAPINameSameTarget(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		first := on(object("first"), "web")
		pass(time.Second)
		second := on(object("second"), "web")
		second.Spec.ScaleTargetRef.APIVersion = "apps/v1beta2"
		w.apply(first, second)
		w.ready("second", "TargetInUse")
	})
}

func testInvalidEditKeepsLastValidVersion(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		web := object("web")
		w.apply(web)
		bad := edit(web, func(so *v1alpha1.ScaledObject) { so.Spec.Triggers[0].Metadata["dail"] = "web" })
		w.apply(bad)
		w.ready("web", "InvalidSpec")
		if _, message := w.condition("web"); !strings.Contains(message, "the last good version stays in effect") || !strings.Contains(message, `did you mean "dial"?`) {
			t.Errorf("the message is %s", message)
		}
		w.turn("web", 6)
		w.want("web", 6)
		w.ready("web", "InvalidSpec")
		w.sources("web", 1, 1)
		w.apply(edit(bad, func(so *v1alpha1.ScaledObject) {
			delete(so.Spec.Triggers[0].Metadata, "dail")
			so.Spec.MaxReplicaCount = new(int32(4))
		}))
		w.want("web", 4)
		w.ready("web", "Ready")
	})
}

func testMistakesOfObjectAreStillReportedWhenAnotherClaimsItsTarget(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		first := on(object("first"), "web")
		pass(time.Second)
		second := on(object("second"), "web")
		w.apply(first, edit(first, func(so *v1alpha1.ScaledObject) { so.Spec.Triggers[0].Type = "dail" }))
		w.apply(second)
		w.turn("first", 4)
		w.want("web", 4)
		w.ready("first", "InvalidSpec")
		w.apply(edit(second, func(so *v1alpha1.ScaledObject) { so.Spec.Triggers[0].Type = "dail" }))
		w.remove("first")
		w.turn("second", 6)
		w.want("web", 6) // Its last good version.
		w.ready("second", "InvalidSpec")
	})
}

func testInvalidObjectIsFollowedOnceItIsValid(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		w.turn("web", 5)
		bad := object("web")
		bad.Spec.Triggers = nil
		w.apply(bad)
		w.ready("web", "InvalidSpec")
		w.want("web", 1)
		w.apply(edit(bad, func(so *v1alpha1.ScaledObject) { so.Spec.Triggers = object("web").Spec.Triggers }))
		w.want("web", 5)
		w.ready("web", "Ready")
	})
}

func testEditOfPolicyKeepsAutoscaler(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		w.turn("web", 9)
		web := object("web")
		w.apply(web)
		w.want("web", 9)
		w.apply(edit(web, func(so *v1alpha1.ScaledObject) { so.Spec.MaxReplicaCount = new(int32(4)) }))
		w.want("web", 4)
		w.sources("web", 1, 1)
	})
}

func testPauseIsFollowedAlthoughItChangesNoGeneration(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		web := object("web")
		w.apply(web)
		paused := web.DeepCopy()
		paused.Annotations = map[string]string{"impulse.sh/paused-replicas": "2"}
		w.apply(paused)
		w.want("web", 2)
		w.sources("web", 1, 1)
		w.turn("web", 9)
		w.want("web", 2)
		w.apply(web)
		w.want("web", 9)
	})
}

func testOurOwnStatusUpdateCausesNothing(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		web := object("web")
		w.apply(web)
		saved := web.DeepCopy()
		saved.Status, saved.ResourceVersion = *w.store.last["web"], "2"
		w.apply(saved)
		w.sources("web", 1, 1)
	})
}

// limited is an object that may add four replicas a minute.
func limited(name string) *v1alpha1.ScaledObject {
	so := object(name)
	so.Spec.Advanced = &v1alpha1.Advanced{HorizontalPodAutoscalerConfig: &v1alpha1.HorizontalPodAutoscalerConfig{Behavior: &v1alpha1.Behavior{
		ScaleUp: &v1alpha1.ScalingRules{Policies: []v1alpha1.ScalingPolicy{{Type: "Pods", Value: 4, PeriodSeconds: 60}}},
	}}}
	return so
}

func testChangedTriggerReplacesAutoscalerWhichKeepsMemoryOfOldOne(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		w.turn("web", 9)
		w.turn("other", 10)
		web := limited("web")
		w.apply(web)
		w.want("web", 5)
		w.apply(edit(web, func(so *v1alpha1.ScaledObject) { so.Spec.Triggers[0].Metadata["dial"] = "other" }))
		w.sources("web", 1, 0)
		w.sources("other", 1, 1)
		w.want("web", 5) // Four in this minute already.
		pass(time.Minute)
		w.want("web", 9)
		pass(time.Minute)
		w.want("web", 10)
	})
}

func testOldAutoscalerFinishesItsWriteFirst(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		w.targets.takes = 10 * time.Second
		w.turn("web", 4)
		w.turn("other", 7)
		web := object("web")
		w.apply(web) // Its write is under way.
		w.want("web", 1)
		w.apply(edit(web, func(so *v1alpha1.ScaledObject) { so.Spec.Triggers[0].Metadata["dial"] = "other" }))
		w.sources("other", 0, 0)
		pass(20 * time.Second)
		w.want("web", 7)
		w.sources("other", 1, 1)
	})
}

func testNewObjectWithOldNameStartsWithoutMemory(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		w.turn("web", 9)
		w.apply(limited("web"))
		w.want("web", 5)
		again := limited("web")
		again.UID = "another"
		w.apply(again)
		w.want("web", 9)
		w.sources("web", 2, 1)
	})
}

func testNextTermOfThisProcessStartsWithMemoryOfLastOne(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		w.turn("web", 9)
		w.apply(limited("web"))
		w.want("web", 5)
		w.begin(w.stop())
		w.apply(limited("web"))
		w.want("web", 5)
		pass(time.Minute)
		w.want("web", 9)
	})
}

func testAnotherProcessRestoresItsMemoryFromStatus(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		w.turn("web", 9)
		w.apply(limited("web"))
		w.want("web", 5)
		w.stop()
		w.begin(nil)
		web := limited("web")
		web.Status = *w.store.last["web"]
		w.apply(web)
		w.want("web", 5)
		pass(time.Minute)
		w.want("web", 9)
	})
}

func testObjectsThatAreNotInListAreDeleted(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		for _, name := range []string{"a", "b", "c"} {
			w.turn(name, 3)
		}
		a, b := object("a"), object("b")
		w.apply(a, b)
		w.controller.Sync(w.ctx, []*v1alpha1.ScaledObject{b, object("c")})
		w.settle()
		w.sources("a", 1, 0)
		w.sources("b", 1, 1)
		w.sources("c", 1, 1)
		w.turn("a", 8)
		w.want("a", 3)
		w.want("c", 3)
	})
}

func testAfterRestartTargetStaysWithItsObject(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		born := metav1.Now() // Ages are in whole seconds: these two are as old as each other.
		b, a := on(object("b"), "web"), on(object("a"), "web")
		a.CreationTimestamp, b.CreationTimestamp = born, born
		w.apply(b, a)
		w.ready("a", "TargetInUse")
		w.stop()
		w.begin(nil)
		a, b = a.DeepCopy(), b.DeepCopy()
		a.Status, b.Status = *w.store.last["a"], *w.store.last["b"]
		w.controller.Sync(w.ctx, []*v1alpha1.ScaledObject{a, b})
		w.turn("b", 6)
		w.want("web", 6)
		w.sources("a", 0, 0)
	})
}

func testBadTriggerOfOneObjectDoesNotAffectAnother(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		bad := object("bad")
		bad.Spec.Triggers[0].Type = "dail"
		w.apply(bad, object("web"))
		w.turn("web", 5)
		w.want("web", 5)
		w.ready("bad", "InvalidSpec")
	})
}
