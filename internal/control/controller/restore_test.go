package controller

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/status"
)

func TestRestore(t *testing.T) {
	t.Run("a deleted object restores the original count before its finalizer is removed", testDeletedObjectRestoresOriginalCountBeforeItsFinalizerIsRemoved)
	t.Run("nothing is written before the finalizer is added and the original count is stored", testNothingIsWrittenBeforeFinalizerIsAddedAndOriginalCountIsStored)
	t.Run("the next leader finishes a restore", testNextLeaderFinishesRestore)
	t.Run("switching the option off removes the finalizer and keeps the count", testSwitchingOptionOffRemovesFinalizerAndKeepsCount)
	t.Run("switching the option on late restores the count of the beginning", testSwitchingOptionOnLateRestoresCountOfBeginning)
	t.Run("nothing is restored under a pause, a successor, a foreign HPA or without a target", testNothingIsRestoredUnderPauseSuccessorForeignHPAOrWithoutTarget)
	t.Run("a takeover of the target ends its restore", testTakeoverOfTargetEndsItsRestore)
	t.Run("the end of a term restores nothing", testEndOfTermRestoresNothing)
	t.Run("an object that is removed from the files is restored when its option is set", testObjectThatIsRemovedFromFilesIsRestoredWhenItsOptionIsSet)
}

// finalizers are those of the objects of a test, as an API server would keep them.
type finalizers struct {
	mu sync.Mutex
	on map[string]bool
	// err is the answer to every write of them.
	err error
}

func (f *finalizers) set(name string, on bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.on[name] = on
	}
	return f.err
}

func (f *finalizers) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *finalizers) AddFinalizer(_ context.Context, o status.Object) error {
	return f.set(o.Name, true)
}

func (f *finalizers) RemoveFinalizer(_ context.Context, o status.Object) error {
	return f.set(o.Name, false)
}

// kept runs a test with a controller whose objects can be kept, and an object web that is to be restored, on a target
// that has four replicas.
func kept(t *testing.T, test func(w *world, web *v1alpha1.ScaledObject)) {
	t.Helper()
	in(t, func(_ *testing.T, w *world) {
		w.stop()
		w.finalizers = &finalizers{on: map[string]bool{}}
		w.begin(nil)
		w.byHand("web", 4)
		w.turn("web", 7)
		test(w, restored(object("web")))
	})
}

// restored makes an object one that is to be restored.
func restored(so *v1alpha1.ScaledObject) *v1alpha1.ScaledObject {
	so.Spec.Advanced = &v1alpha1.Advanced{RestoreToOriginalReplicaCount: true}
	return so
}

// byHand is somebody else's write of a target's count.
func (w *world) byHand(name string, n int32) {
	w.targets.mu.Lock()
	defer w.targets.mu.Unlock()
	one := w.targets.at(name)
	one.replicas, one.version = n, one.version+1
	for _, changed := range one.changed {
		changed(one.observation(name))
	}
}

// writes counts our writes of a target.
func (w *world) writes(name string) int {
	w.targets.mu.Lock()
	defer w.targets.mu.Unlock()
	return w.targets.at(name).writes
}

// seen is an object as the API server has it now: with its finalizer and its status.
func (w *world) seen(so *v1alpha1.ScaledObject) *v1alpha1.ScaledObject {
	so = so.DeepCopy()
	w.finalizers.mu.Lock()
	so.Finalizers = nil
	if w.finalizers.on[so.Name] {
		so.Finalizers = []string{Finalizer}
	}
	w.finalizers.mu.Unlock()
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if s := w.store.last[so.Name]; s != nil {
		so.Status = *s.DeepCopy()
	}
	return so
}

// erase deletes an object, as a user does.
func (w *world) erase(so *v1alpha1.ScaledObject) *v1alpha1.ScaledObject {
	w.t.Helper()
	so = edit(w.seen(so), func(so *v1alpha1.ScaledObject) { now := metav1.Now(); so.DeletionTimestamp = &now })
	w.apply(so)
	return so
}

// held fails when an object has the finalizer and should not, or the other way round.
func (w *world) held(name string, want bool) {
	w.t.Helper()
	w.finalizers.mu.Lock()
	defer w.finalizers.mu.Unlock()
	if got := w.finalizers.on[name]; got != want {
		w.t.Fatalf("%s has the finalizer: %t, want %t", name, got, want)
	}
}

func testDeletedObjectRestoresOriginalCountBeforeItsFinalizerIsRemoved(t *testing.T) {
	kept(t, func(w *world, web *v1alpha1.ScaledObject) {
		w.apply(web)
		w.want("web", 7)
		w.held("web", true)
		if got := w.seen(web).Status.OriginalReplicaCount; got == nil || *got != 4 {
			t.Fatalf("the status remembers %v, want 4", got)
		}
		w.turn("web", 9)
		w.erase(web)
		w.want("web", 4)
		w.held("web", false)
		w.sources("web", 1, 0)
		w.turn("web", 3)
		w.want("web", 4)
		w.remove("web")
	})
}

func testNothingIsWrittenBeforeFinalizerIsAddedAndOriginalCountIsStored(t *testing.T) {
	for name, fail := range map[string]func(w *world, err error){
		"held":   func(w *world, err error) { w.finalizers.fail(err) },
		"stored": func(w *world, err error) { w.store.fail(err) },
	} {
		t.Run(name, func(t *testing.T) {
			kept(t, func(w *world, web *v1alpha1.ScaledObject) {
				fail(w, errors.New("away"))
				w.apply(web)
				pass(time.Minute)
				w.want("web", 4)
				fail(w, nil)
				pass(2 * time.Minute)
				w.want("web", 7)
				w.held("web", true)
			})
		})
	}
}

func testNextLeaderFinishesRestore(t *testing.T) {
	kept(t, func(w *world, web *v1alpha1.ScaledObject) {
		w.apply(web)
		w.want("web", 7)
		w.targets.refuse(actuator.ErrThrottled)
		deleted := w.erase(web)
		w.want("web", 7)
		w.held("web", true)
		w.ready("web", "RestoreFailed")
		w.stop()
		w.targets.refuse(nil)
		w.begin(nil)
		w.apply(w.seen(deleted))
		w.want("web", 4)
		w.held("web", false)
	})
}

func testSwitchingOptionOffRemovesFinalizerAndKeepsCount(t *testing.T) {
	kept(t, func(w *world, web *v1alpha1.ScaledObject) {
		w.apply(web)
		w.held("web", true)
		off := edit(w.seen(web), func(so *v1alpha1.ScaledObject) { so.Spec.Advanced = nil })
		w.apply(off)
		w.held("web", false)
		w.remove("web")
		w.want("web", 7)
	})
}

func testSwitchingOptionOnLateRestoresCountOfBeginning(t *testing.T) {
	kept(t, func(w *world, web *v1alpha1.ScaledObject) {
		off := edit(web, func(so *v1alpha1.ScaledObject) { so.Spec.Advanced = nil })
		w.apply(off)
		w.want("web", 7)
		w.held("web", false)
		w.apply(restored(edit(w.seen(off), func(*v1alpha1.ScaledObject) {})))
		w.held("web", true)
		w.erase(restored(off))
		w.want("web", 4)
	})
}

func testNothingIsRestoredUnderPauseSuccessorForeignHPAOrWithoutTarget(t *testing.T) {
	for name, change := range map[string]func(w *world, web *v1alpha1.ScaledObject){
		"pause": func(_ *world, web *v1alpha1.ScaledObject) {
			web.Annotations = map[string]string{"impulse.sh/paused": "true"}
		},
		"dry run": func(_ *world, web *v1alpha1.ScaledObject) { web.Spec.DryRun = true },
		"successor": func(w *world, _ *v1alpha1.ScaledObject) {
			w.turn("second", 7)
			w.apply(on(object("second"), "web"))
		},
		"HPA": func(w *world, _ *v1alpha1.ScaledObject) {
			w.targets.tell("web", actuator.Observation{ForeignHPA: "theirs"})
		},
		"gone": func(w *world, _ *v1alpha1.ScaledObject) {
			w.targets.tell("web", actuator.Observation{Err: actuator.ErrNotFound})
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept(t, func(w *world, web *v1alpha1.ScaledObject) {
				w.apply(web)
				w.want("web", 7)
				web = edit(w.seen(web), func(*v1alpha1.ScaledObject) {})
				change(w, web)
				before := w.writes("web")
				w.erase(web)
				w.want("web", 7)
				if n := w.writes("web") - before; n != 0 {
					t.Errorf("it was written %d times", n)
				}
				w.held("web", false)
			})
		})
	}
}

func testTakeoverOfTargetEndsItsRestore(t *testing.T) {
	kept(t, func(w *world, web *v1alpha1.ScaledObject) {
		w.apply(web)
		w.targets.refuse(actuator.ErrThrottled)
		w.erase(web)
		w.turn("second", 9)
		w.apply(on(object("second"), "web"))
		w.held("web", false)
		w.targets.refuse(nil)
		pass(time.Minute)
		w.want("web", 9)
	})
}

func testEndOfTermRestoresNothing(t *testing.T) {
	kept(t, func(w *world, web *v1alpha1.ScaledObject) {
		w.apply(web)
		w.stop()
		w.want("web", 7)
		w.held("web", true)
		w.begin(nil)
	})
}

func testObjectThatIsRemovedFromFilesIsRestoredWhenItsOptionIsSet(t *testing.T) {
	among(t, func(t *testing.T, f *files) {
		f.byHand("api", 3)
		f.turn("api", 8)
		f.write("api.yaml", strings.Replace(text("api", 10), "  triggers:", "  advanced: {restoreToOriginalReplicaCount: true}\n  triggers:", 1))
		f.want("api", 8)
		f.restart()
		f.want("api", 8)
		if err := os.Remove(filepath.Join(f.dir, "api.yaml")); err != nil {
			t.Fatal(err)
		}
		f.settle()
		f.want("api", 3)
		f.sources("web", 2, 1)
		if _, err := os.Stat(filepath.Join(f.states, "shop,api.json")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the state of an object that is gone: %v", err)
		}
	})
}
