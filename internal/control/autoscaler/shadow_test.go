package autoscaler

import (
	"slices"
	"testing"

	"github.com/impulse-sh/impulse/actuator"
)

func TestShadow(t *testing.T) {
	t.Run("a count is observed when it is written, and stays when the real target changes", testShadowCountIsObservedWhenWritten)
	t.Run("another target of the same name has its own count", testShadowOfAnotherTargetHasItsOwnCount)
}

// real is an Actuator whose target a test changes.
type real struct {
	Actuator

	changed func(actuator.Observation)
}

func (r *real) Follow(_ actuator.Target, _ actuator.WatchOptions, changed func(actuator.Observation)) (stop func(), err error) {
	r.changed = changed
	return func() {}, nil
}

// followed returns a shadow, its real target, and the counts that are observed through the shadow.
func followed(t *testing.T) (s Actuator, r *real, counts *[]int32) {
	t.Helper()
	r, counts = &real{}, new([]int32)
	s = Shadow(r)
	_, err := s.Follow(actuator.Target{}, actuator.WatchOptions{}, func(o actuator.Observation) { *counts = append(*counts, o.Scale.Replicas) })
	if err != nil {
		t.Fatal(err)
	}
	return s, r, counts
}

func testShadowCountIsObservedWhenWritten(t *testing.T) {
	s, r, counts := followed(t)
	r.changed(actuator.Observation{Scale: actuator.Scale{UID: "a", Replicas: 2}})
	scale, err := s.Set(t.Context(), actuator.Target{}, actuator.Scale{}, 6)
	if err != nil || scale.Replicas != 6 {
		t.Errorf("Set returned %+v, %v; want 6", scale, err)
	}
	r.changed(actuator.Observation{Scale: actuator.Scale{UID: "a", Replicas: 9}})
	if !slices.Equal(*counts, []int32{2, 6, 6}) {
		t.Errorf("observed %v, want [2 6 6]", *counts)
	}
}

func testShadowOfAnotherTargetHasItsOwnCount(t *testing.T) {
	s, r, counts := followed(t)
	r.changed(actuator.Observation{Scale: actuator.Scale{UID: "a", Replicas: 2}})
	if _, err := s.Set(t.Context(), actuator.Target{}, actuator.Scale{}, 6); err != nil {
		t.Fatal(err)
	}
	r.changed(actuator.Observation{Scale: actuator.Scale{UID: "b", Replicas: 3}})
	if !slices.Equal(*counts, []int32{2, 6, 3}) {
		t.Errorf("observed %v, want [2 6 3]", *counts)
	}
}
