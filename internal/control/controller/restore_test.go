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

// finalizers stores the finalizers of the objects of a test, as an API server would.
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

// inWithFinalizers runs a test with a controller that stores finalizers, and an object web with restoreToOriginalReplicaCount, on a
// target that has four replicas.
func inWithFinalizers(t *testing.T, test func(e *env, web *v1alpha1.ScaledObject)) {
	t.Helper()
	in(t, func(_ *testing.T, e *env) {
		e.stop()
		e.finalizers = &finalizers{on: map[string]bool{}}
		e.begin(nil)
		e.writeForeign("web", 4)
		e.setLevel("web", 7)
		test(e, withRestore(object("web")))
	})
}

// withRestore sets restoreToOriginalReplicaCount of an object, and returns the object.
func withRestore(so *v1alpha1.ScaledObject) *v1alpha1.ScaledObject {
	so.Spec.Advanced = &v1alpha1.Advanced{RestoreToOriginalReplicaCount: true}
	return so
}

// writeForeign writes a target's count as another client would.
func (e *env) writeForeign(name string, n int32) {
	e.targets.mu.Lock()
	defer e.targets.mu.Unlock()
	one := e.targets.at(name)
	one.replicas, one.version = n, one.version+1
	for _, changed := range one.changed {
		changed(one.observation(name))
	}
}

// writes returns the number of our writes of a target.
func (e *env) writes(name string) int {
	e.targets.mu.Lock()
	defer e.targets.mu.Unlock()
	return e.targets.at(name).writes
}

// stored returns an object as the API server has it now: with its finalizer and its status.
func (e *env) stored(so *v1alpha1.ScaledObject) *v1alpha1.ScaledObject {
	so = so.DeepCopy()
	e.finalizers.mu.Lock()
	so.Finalizers = nil
	if e.finalizers.on[so.Name] {
		so.Finalizers = []string{Finalizer}
	}
	e.finalizers.mu.Unlock()
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	if s := e.store.last[so.Name]; s != nil {
		so.Status = *s.DeepCopy()
	}
	return so
}

// erase deletes an object, as a user does.
func (e *env) erase(so *v1alpha1.ScaledObject) *v1alpha1.ScaledObject {
	e.t.Helper()
	so = edit(e.stored(so), func(so *v1alpha1.ScaledObject) { now := metav1.Now(); so.DeletionTimestamp = &now })
	e.apply(so)
	return so
}

// expectFinalizer fails the test unless an object has the finalizer, or, if want is false, does not have it.
func (e *env) expectFinalizer(name string, want bool) {
	e.t.Helper()
	e.finalizers.mu.Lock()
	defer e.finalizers.mu.Unlock()
	if got := e.finalizers.on[name]; got != want {
		e.t.Fatalf("%s has the finalizer: %t, want %t", name, got, want)
	}
}

func testDeletedObjectRestoresOriginalCountBeforeItsFinalizerIsRemoved(t *testing.T) {
	inWithFinalizers(t, func(e *env, web *v1alpha1.ScaledObject) {
		e.apply(web)
		e.want("web", 7)
		e.expectFinalizer("web", true)
		if got := e.stored(web).Status.OriginalReplicaCount; got == nil || *got != 4 {
			t.Fatalf("the status remembers %v, want 4", got)
		}
		e.setLevel("web", 9)
		e.erase(web)
		e.want("web", 4)
		e.expectFinalizer("web", false)
		e.expectSources("web", 1, 0)
		e.setLevel("web", 3)
		e.want("web", 4)
		e.remove("web")
	})
}

func testNothingIsWrittenBeforeFinalizerIsAddedAndOriginalCountIsStored(t *testing.T) {
	for name, fail := range map[string]func(e *env, err error){
		"finalizer":      func(e *env, err error) { e.finalizers.fail(err) },
		"original count": func(e *env, err error) { e.store.fail(err) },
	} {
		t.Run(name, func(t *testing.T) {
			inWithFinalizers(t, func(e *env, web *v1alpha1.ScaledObject) {
				fail(e, errors.New("away"))
				e.apply(web)
				pass(time.Minute)
				e.want("web", 4)
				fail(e, nil)
				pass(2 * time.Minute)
				e.want("web", 7)
				e.expectFinalizer("web", true)
			})
		})
	}
}

func testNextLeaderFinishesRestore(t *testing.T) {
	inWithFinalizers(t, func(e *env, web *v1alpha1.ScaledObject) {
		e.apply(web)
		e.want("web", 7)
		e.targets.refuse(actuator.ErrThrottled)
		deleted := e.erase(web)
		e.want("web", 7)
		e.expectFinalizer("web", true)
		e.expectReady("web", "RestoreFailed")
		e.stop()
		e.targets.refuse(nil)
		e.begin(nil)
		e.apply(e.stored(deleted))
		e.want("web", 4)
		e.expectFinalizer("web", false)
	})
}

func testSwitchingOptionOffRemovesFinalizerAndKeepsCount(t *testing.T) {
	inWithFinalizers(t, func(e *env, web *v1alpha1.ScaledObject) {
		e.apply(web)
		e.expectFinalizer("web", true)
		off := edit(e.stored(web), func(so *v1alpha1.ScaledObject) { so.Spec.Advanced = nil })
		e.apply(off)
		e.expectFinalizer("web", false)
		e.remove("web")
		e.want("web", 7)
	})
}

func testSwitchingOptionOnLateRestoresCountOfBeginning(t *testing.T) {
	inWithFinalizers(t, func(e *env, web *v1alpha1.ScaledObject) {
		off := edit(web, func(so *v1alpha1.ScaledObject) { so.Spec.Advanced = nil })
		e.apply(off)
		e.want("web", 7)
		e.expectFinalizer("web", false)
		e.apply(withRestore(edit(e.stored(off), func(*v1alpha1.ScaledObject) {})))
		e.expectFinalizer("web", true)
		e.erase(withRestore(off))
		e.want("web", 4)
	})
}

func testNothingIsRestoredUnderPauseSuccessorForeignHPAOrWithoutTarget(t *testing.T) {
	for name, change := range map[string]func(e *env, web *v1alpha1.ScaledObject){
		"pause": func(_ *env, web *v1alpha1.ScaledObject) {
			web.Annotations = map[string]string{"impulse.sh/paused": "true"}
		},
		"dry run": func(_ *env, web *v1alpha1.ScaledObject) { web.Spec.DryRun = true },
		"successor": func(e *env, _ *v1alpha1.ScaledObject) {
			e.setLevel("second", 7)
			e.apply(withTarget(object("second"), "web"))
		},
		"HPA": func(e *env, _ *v1alpha1.ScaledObject) {
			e.targets.notify("web", actuator.Observation{ForeignHPA: "theirs"})
		},
		"gone": func(e *env, _ *v1alpha1.ScaledObject) {
			e.targets.notify("web", actuator.Observation{Err: actuator.ErrNotFound})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWithFinalizers(t, func(e *env, web *v1alpha1.ScaledObject) {
				e.apply(web)
				e.want("web", 7)
				web = edit(e.stored(web), func(*v1alpha1.ScaledObject) {})
				change(e, web)
				before := e.writes("web")
				e.erase(web)
				e.want("web", 7)
				if n := e.writes("web") - before; n != 0 {
					t.Errorf("got %d writes after the deletion, want 0", n)
				}
				e.expectFinalizer("web", false)
			})
		})
	}
}

func testTakeoverOfTargetEndsItsRestore(t *testing.T) {
	inWithFinalizers(t, func(e *env, web *v1alpha1.ScaledObject) {
		e.apply(web)
		e.targets.refuse(actuator.ErrThrottled)
		e.erase(web)
		e.setLevel("second", 9)
		e.apply(withTarget(object("second"), "web"))
		e.expectFinalizer("web", false)
		e.targets.refuse(nil)
		pass(time.Minute)
		e.want("web", 9)
	})
}

func testEndOfTermRestoresNothing(t *testing.T) {
	inWithFinalizers(t, func(e *env, web *v1alpha1.ScaledObject) {
		e.apply(web)
		e.stop()
		e.want("web", 7)
		e.expectFinalizer("web", true)
		e.begin(nil)
	})
}

func testObjectThatIsRemovedFromFilesIsRestoredWhenItsOptionIsSet(t *testing.T) {
	inFolder(t, func(t *testing.T, f *files) {
		f.writeForeign("api", 3)
		f.setLevel("api", 8)
		f.write("api.yaml", strings.Replace(objectYAML("api", 10), "  triggers:", "  advanced: {restoreToOriginalReplicaCount: true}\n  triggers:", 1))
		f.want("api", 8)
		f.restart()
		f.want("api", 8)
		if err := os.Remove(filepath.Join(f.dir, "api.yaml")); err != nil {
			t.Fatal(err)
		}
		f.awaitStatuses()
		f.want("api", 3)
		f.expectSources("web", 2, 1)
		if _, err := os.Stat(filepath.Join(f.states, "shop,api.json")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("reading the state of a deleted object: got error %v, want fs.ErrNotExist", err)
		}
	})
}
