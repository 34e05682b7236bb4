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
	t.Run("the same target in two API versions is one target", testSameTargetInTwoAPIVersionsIsOneTarget)
	t.Run("an invalid edit keeps the last valid version", testInvalidEditKeepsLastValidVersion)
	t.Run("the mistakes of an object are still reported when another claims its target", testMistakesOfObjectAreStillReportedWhenAnotherClaimsItsTarget)
	t.Run("an invalid object is followed once it is valid", testInvalidObjectIsFollowedOnceItIsValid)
	t.Run("an edit of the policy keeps the autoscaler", testEditOfPolicyKeepsAutoscaler)
	t.Run("a pause is followed although it changes no generation", testPauseIsFollowedAlthoughItChangesNoGeneration)
	t.Run("our own status update causes nothing", testOurOwnStatusUpdateCausesNothing)
	t.Run("sources are opened anew when they become inputs of a formula, or are to be cached", testSourcesAreOpenedAnewWhenTheyBecomeInputsOfFormula)
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
	in(t, func(t *testing.T, e *env) {
		e.setLevel("web", 5)
		e.apply(object("web"))
		e.want("web", 5)
		e.expectReady("web", "Ready")
		e.remove("web")
		e.expectSources("web", 1, 0)
		e.setLevel("web", 9)
		e.want("web", 5)
		if left := e.stop(); len(left) != 0 {
			t.Errorf("got the handovers %v of a deleted object, want none", left)
		}
		e.begin(nil)
	})
}

func testOfTwoObjectsOnTargetOlderOneWinsAndOtherTakesOverAfterItsDeletion(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		e.setLevel("first", 3)
		e.setLevel("second", 7)
		first := withTarget(object("first"), "web")
		pass(time.Second)
		second := withTarget(object("second"), "web")
		e.apply(first, second)
		e.want("web", 3)
		e.expectReady("first", "Ready")
		e.expectReady("second", "TargetInUse")
		if _, message := e.readyCondition("second"); !strings.Contains(message, "shop/first") {
			t.Errorf("got the message %q, want one that names shop/first", message)
		}
		e.expectSources("second", 0, 0)
		e.remove("first")
		e.want("web", 7)
		e.expectReady("second", "Ready")
	})
}

func testAnnotationWithoutEffectIsReportedInStatus(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		e.setLevel("web", 5)
		so := object("web")
		e.apply(so)
		for annotation, want := range map[string]string{
			"impulse.sh/pause": `annotation impulse.sh/pause has no effect (did you mean "impulse.sh/paused"?)`, "example.com/owner": "",
		} {
			annotated := so.DeepCopy() // Annotations do not change the generation.
			annotated.Annotations = map[string]string{annotation: "true"}
			e.apply(annotated)
			if reason, message := e.readyCondition("web"); reason != "Ready" || message != want {
				t.Errorf("with %s: %s %q, expected %q", annotation, reason, message, want)
			}
		}
		e.want("web", 5)
	})
}

func testOlderObjectThatIsListedLaterTakesOverTarget(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		e.setLevel("old", 3)
		e.setLevel("young", 7)
		old := withTarget(object("old"), "web")
		pass(time.Second)
		e.apply(withTarget(object("young"), "web"))
		e.want("web", 7)
		e.apply(old)
		e.want("web", 3)
		e.expectReady("young", "TargetInUse")
		e.expectSources("young", 1, 0)
	})
}

func testObjectThatChangesItsTargetReleasesOldOne(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		e.setLevel("first", 3)
		e.setLevel("second", 7)
		first := withTarget(object("first"), "web")
		pass(time.Second)
		e.apply(first, withTarget(object("second"), "web"))
		e.apply(edit(first, func(so *v1alpha1.ScaledObject) { withTarget(so, "other") }))
		e.want("other", 3)
		e.want("web", 7)
		e.expectReady("second", "Ready")
	})
}

func testSameTargetInTwoAPIVersionsIsOneTarget(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		first := withTarget(object("first"), "web")
		pass(time.Second)
		second := withTarget(object("second"), "web")
		second.Spec.ScaleTargetRef.APIVersion = "apps/v1beta2"
		e.apply(first, second)
		e.expectReady("second", "TargetInUse")
	})
}

func testInvalidEditKeepsLastValidVersion(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		web := object("web")
		e.apply(web)
		bad := edit(web, func(so *v1alpha1.ScaledObject) { so.Spec.Triggers[0].Metadata["leve"] = "web" })
		e.apply(bad)
		e.expectReady("web", "InvalidSpec")
		if _, message := e.readyCondition("web"); !strings.Contains(message, "the last good version stays in effect") || !strings.Contains(message, `did you mean "level"?`) {
			t.Errorf("after an invalid edit, got the message %q, want the mistake, and that the last good version stays in effect", message)
		}
		e.setLevel("web", 6)
		e.want("web", 6)
		e.expectReady("web", "InvalidSpec")
		e.expectSources("web", 1, 1)
		e.apply(edit(bad, func(so *v1alpha1.ScaledObject) {
			delete(so.Spec.Triggers[0].Metadata, "leve")
			so.Spec.MaxReplicaCount = new(int32(4))
		}))
		e.want("web", 4)
		e.expectReady("web", "Ready")
	})
}

func testMistakesOfObjectAreStillReportedWhenAnotherClaimsItsTarget(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		first := withTarget(object("first"), "web")
		pass(time.Second)
		second := withTarget(object("second"), "web")
		e.apply(first, edit(first, func(so *v1alpha1.ScaledObject) { so.Spec.Triggers[0].Type = "fkae" }))
		e.apply(second)
		e.setLevel("first", 4)
		e.want("web", 4)
		e.expectReady("first", "InvalidSpec")
		e.apply(edit(second, func(so *v1alpha1.ScaledObject) { so.Spec.Triggers[0].Type = "fkae" }))
		e.remove("first")
		e.setLevel("second", 6)
		e.want("web", 6) // Its last good version.
		e.expectReady("second", "InvalidSpec")
	})
}

func testInvalidObjectIsFollowedOnceItIsValid(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		e.setLevel("web", 5)
		bad := object("web")
		bad.Spec.Triggers = nil
		e.apply(bad)
		e.expectReady("web", "InvalidSpec")
		e.want("web", 1)
		e.apply(edit(bad, func(so *v1alpha1.ScaledObject) { so.Spec.Triggers = object("web").Spec.Triggers }))
		e.want("web", 5)
		e.expectReady("web", "Ready")
	})
}

func testEditOfPolicyKeepsAutoscaler(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		e.setLevel("web", 9)
		web := object("web")
		e.apply(web)
		e.want("web", 9)
		e.apply(edit(web, func(so *v1alpha1.ScaledObject) { so.Spec.MaxReplicaCount = new(int32(4)) }))
		e.want("web", 4)
		e.expectSources("web", 1, 1)
	})
}

func testSourcesAreOpenedAnewWhenTheyBecomeInputsOfFormula(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		e.setLevel("web", 4)
		web := object("web")
		e.apply(web)
		e.want("web", 4)
		web = edit(web, func(so *v1alpha1.ScaledObject) {
			so.Spec.Advanced = &v1alpha1.Advanced{ScalingModifiers: &v1alpha1.ScalingModifiers{Formula: "2 * fake", Target: "1"}}
		})
		e.apply(web)
		e.want("web", 8)
		e.expectSources("web", 2, 1)
		e.apply(edit(web, func(so *v1alpha1.ScaledObject) { so.Spec.Triggers[0].UseCachedMetrics = true }))
		e.want("web", 8)
		e.expectSources("web", 3, 1)
	})
}

func testPauseIsFollowedAlthoughItChangesNoGeneration(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		web := object("web")
		e.apply(web)
		paused := web.DeepCopy()
		paused.Annotations = map[string]string{"impulse.sh/paused-replicas": "2"}
		e.apply(paused)
		e.want("web", 2)
		e.expectSources("web", 1, 1)
		e.setLevel("web", 9)
		e.want("web", 2)
		e.apply(web)
		e.want("web", 9)
	})
}

func testOurOwnStatusUpdateCausesNothing(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		web := object("web")
		e.apply(web)
		saved := web.DeepCopy()
		saved.Status, saved.ResourceVersion = *e.store.last["web"], "2"
		e.apply(saved)
		e.expectSources("web", 1, 1)
	})
}

// withRateLimit returns an object that may add four replicas a minute.
func withRateLimit(name string) *v1alpha1.ScaledObject {
	so := object(name)
	so.Spec.Advanced = &v1alpha1.Advanced{HorizontalPodAutoscalerConfig: &v1alpha1.HorizontalPodAutoscalerConfig{Behavior: &v1alpha1.Behavior{
		ScaleUp: &v1alpha1.ScalingRules{Policies: []v1alpha1.ScalingPolicy{{Type: "Pods", Value: 4, PeriodSeconds: 60}}},
	}}}
	return so
}

func testChangedTriggerReplacesAutoscalerWhichKeepsMemoryOfOldOne(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		e.setLevel("web", 9)
		e.setLevel("other", 10)
		web := withRateLimit("web")
		e.apply(web)
		e.want("web", 5)
		e.apply(edit(web, func(so *v1alpha1.ScaledObject) { so.Spec.Triggers[0].Metadata["level"] = "other" }))
		e.expectSources("web", 1, 0)
		e.expectSources("other", 1, 1)
		e.want("web", 5) // Four in this minute already.
		pass(time.Minute)
		e.want("web", 9)
		pass(time.Minute)
		e.want("web", 10)
	})
}

func testOldAutoscalerFinishesItsWriteFirst(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		e.targets.takes = 10 * time.Second
		e.setLevel("web", 4)
		e.setLevel("other", 7)
		web := object("web")
		e.apply(web) // Its write is under way.
		e.want("web", 1)
		e.apply(edit(web, func(so *v1alpha1.ScaledObject) { so.Spec.Triggers[0].Metadata["level"] = "other" }))
		e.expectSources("other", 0, 0)
		pass(20 * time.Second)
		e.want("web", 7)
		e.expectSources("other", 1, 1)
	})
}

func testNewObjectWithOldNameStartsWithoutMemory(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		e.setLevel("web", 9)
		e.apply(withRateLimit("web"))
		e.want("web", 5)
		again := withRateLimit("web")
		again.UID = "another"
		e.apply(again)
		e.want("web", 9)
		e.expectSources("web", 2, 1)
	})
}

func testNextTermOfThisProcessStartsWithMemoryOfLastOne(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		e.setLevel("web", 9)
		e.apply(withRateLimit("web"))
		e.want("web", 5)
		e.begin(e.stop())
		e.apply(withRateLimit("web"))
		e.want("web", 5)
		pass(time.Minute)
		e.want("web", 9)
	})
}

func testAnotherProcessRestoresItsMemoryFromStatus(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		e.setLevel("web", 9)
		e.apply(withRateLimit("web"))
		e.want("web", 5)
		e.stop()
		e.begin(nil)
		web := withRateLimit("web")
		web.Status = *e.store.last["web"]
		e.apply(web)
		e.want("web", 5)
		pass(time.Minute)
		e.want("web", 9)
	})
}

func testObjectsThatAreNotInListAreDeleted(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		for _, name := range []string{"a", "b", "c"} {
			e.setLevel(name, 3)
		}
		a, b := object("a"), object("b")
		e.apply(a, b)
		e.controller.Sync(e.ctx, []*v1alpha1.ScaledObject{b, object("c")})
		e.awaitStatuses()
		e.expectSources("a", 1, 0)
		e.expectSources("b", 1, 1)
		e.expectSources("c", 1, 1)
		e.setLevel("a", 8)
		e.want("a", 3)
		e.want("c", 3)
	})
}

func testAfterRestartTargetStaysWithItsObject(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		born := metav1.Now() // Ages are in whole seconds: these two are as old as each other.
		b, a := withTarget(object("b"), "web"), withTarget(object("a"), "web")
		a.CreationTimestamp, b.CreationTimestamp = born, born
		e.apply(b, a)
		e.expectReady("a", "TargetInUse")
		e.stop()
		e.begin(nil)
		a, b = a.DeepCopy(), b.DeepCopy()
		a.Status, b.Status = *e.store.last["a"], *e.store.last["b"]
		e.controller.Sync(e.ctx, []*v1alpha1.ScaledObject{a, b})
		e.setLevel("b", 6)
		e.want("web", 6)
		e.expectSources("a", 0, 0)
	})
}

func testBadTriggerOfOneObjectDoesNotAffectAnother(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		bad := object("bad")
		bad.Spec.Triggers[0].Type = "fkae"
		e.apply(bad, object("web"))
		e.setLevel("web", 5)
		e.want("web", 5)
		e.expectReady("bad", "InvalidSpec")
	})
}
