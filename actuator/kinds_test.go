package actuator_test

import (
	"errors"
	"testing"

	"github.com/impulse-sh/impulse/actuator"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	t.Run("every kind is scaled to zero and up again", testEveryKindIsScaledToZeroAndUpAgain)
	t.Run("a count that has changed is not overwritten", testCountThatHasChangedIsNotOverwritten)
	t.Run("a target that is created again is another target", testTargetThatIsCreatedAgainIsAnotherTarget)
	t.Run("a target is observed when it is created and deleted", testTargetIsObservedWhenItIsCreatedAndDeleted)
}

// kinds returns the kinds of target, each with a function that returns a manifest with n replicas.
func kinds(e *env) map[string]func(n string) string {
	built := func(apiVersion, kind string) func(string) string {
		return func(n string) string { return workload(apiVersion, kind, "web", n) }
	}
	return map[string]func(string) string{
		"Deployment":            built("apps/v1", "Deployment"),
		"ReplicaSet":            built("apps/v1", "ReplicaSet"),
		"StatefulSet":           built("apps/v1", "StatefulSet"),
		"ReplicationController": built("v1", "ReplicationController"),
		"custom resource":       func(n string) string { return e.widget("web", "{fleet: {size: "+n+"}}") },
	}
}

// eachKind runs a test for each kind of target, each with a namespace of its own.
func eachKind(t *testing.T, test func(e *env, manifest func(n string) string)) {
	t.Helper()
	for kind := range kinds(&env{}) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			if kind == "custom resource" {
				e.widgets()
			}
			test(e, kinds(e)[kind])
		})
	}
}

func testEveryKindIsScaledToZeroAndUpAgain(t *testing.T) {
	t.Parallel()
	eachKind(t, func(e *env, manifest func(string) string) {
		t := e.t
		target := e.target(e.apply(manifest("2")))
		c := e.client(actuator.Options{})
		v := watch(t, c, target, actuator.WatchOptions{})
		observed := v.awaitCount(2)
		for _, n := range []int32{0, 3, 1, 0, 5} {
			written, err := c.Set(t.Context(), target, observed, n)
			if err != nil {
				t.Fatalf("from %d to %d: %v", observed.Replicas, n, err)
			}
			observed = v.awaitCount(n)
			if written.Replicas != n || written.UID != observed.UID || written.Selector != observed.Selector {
				t.Errorf("Set returned %+v, Watch reported %+v", written, observed)
			}
			if got, err := c.Get(t.Context(), target); err != nil || got.Replicas != n || got.UID != observed.UID {
				t.Errorf("Get returned %+v, %v; Watch reported %+v", got, err, observed)
			}
		}
	})
}

func testCountThatHasChangedIsNotOverwritten(t *testing.T) {
	t.Parallel()
	eachKind(t, func(e *env, manifest func(string) string) {
		t := e.t
		target := e.target(e.apply(manifest("2")))
		c := e.client(actuator.Options{})
		v := watch(t, c, target, actuator.WatchOptions{})
		two := v.awaitCount(2)
		zero := set(t, c, target, two, 0)
		expectConflict(t, c, target, two, 7) // It is 0 by now.
		three := set(t, c, target, zero, 3)
		expectConflict(t, c, target, zero, 7) // It was 0, which a Scale leaves out.
		expectConflict(t, c, target, two, 7)
		v.awaitCount(3)
		set(t, c, target, three, 4)
		v.awaitCount(4)
		for _, o := range v.all() {
			if o.Err != nil || o.Scale.Replicas == 7 {
				t.Errorf("observed %+v", o)
			}
		}
	})
}

func testTargetThatIsCreatedAgainIsAnotherTarget(t *testing.T) {
	t.Parallel()
	eachKind(t, func(e *env, manifest func(string) string) {
		t := e.t
		first := e.apply(manifest("2"))
		target := e.target(first)
		c := e.client(actuator.Options{})
		v := watch(t, c, target, actuator.WatchOptions{})
		old := v.awaitCount(2)
		e.remove(first)
		second := e.apply(manifest("2"))
		v.until("the new UID", func(o actuator.Observation) bool { return o.Scale.UID == second.GetUID() && o.Err == nil })
		expectConflict(t, c, target, old, 3)
		v.awaitCount(2)
	})
}

func testTargetIsObservedWhenItIsCreatedAndDeleted(t *testing.T) {
	t.Parallel()
	eachKind(t, func(e *env, manifest func(string) string) {
		t := e.t
		c := e.client(actuator.Options{})
		target := e.target(e.parse(manifest("1")))
		v := watch(t, c, target, actuator.WatchOptions{})
		v.until("the target is missing", isMissing)
		if _, err := c.Set(t.Context(), target, actuator.Scale{UID: "x", Replicas: 1}, 2); !errors.Is(err, actuator.ErrNotFound) {
			t.Errorf("Set on a missing target: %v, want ErrNotFound", err)
		}
		made := e.apply(manifest("1"))
		v.awaitCount(1)
		e.remove(made)
		v.until("the target is missing again", isMissing)
	})
}

func isMissing(o actuator.Observation) bool { return errors.Is(o.Err, actuator.ErrNotFound) }

// set writes n and returns the Scale that was written.
func set(t *testing.T, c *actuator.Client, target actuator.Target, observed actuator.Scale, n int32) actuator.Scale {
	t.Helper()
	written, err := c.Set(t.Context(), target, observed, n)
	if err != nil {
		t.Fatalf("from %d to %d: %v", observed.Replicas, n, err)
	}
	return written
}

// expectConflict fails the test unless a write is a conflict.
func expectConflict(t *testing.T, c *actuator.Client, target actuator.Target, observed actuator.Scale, n int32) {
	t.Helper()
	if written, err := c.Set(t.Context(), target, observed, n); !errors.Is(err, actuator.ErrConflict) {
		t.Errorf("from an outdated %d to %d: %+v, %v, want ErrConflict", observed.Replicas, n, written, err)
	}
}
