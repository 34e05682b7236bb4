package controller

import (
	"testing"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

func TestShadow(t *testing.T) {
	t.Run("a shadow keeps a count of its own and writes nothing", testShadowKeepsCountOfItsOwnAndWritesNothing)
	t.Run("a removed shadow is forgotten", testRemovedShadowIsForgotten)
	t.Run("a mistake in a shadow is reported as one of the object", testMistakeInShadowIsReportedAsOneOfObject)
}

// shadowed is an object whose shadow has at least 4 replicas, in steps of at most 2 a minute.
func shadowed(name string) *v1alpha1.ScaledObject {
	so := object(name)
	so.Spec.Shadow = &v1alpha1.Shadow{MinReplicaCount: new(int32(4)), Advanced: &v1alpha1.Advanced{
		HorizontalPodAutoscalerConfig: &v1alpha1.HorizontalPodAutoscalerConfig{Behavior: &v1alpha1.Behavior{
			ScaleUp: &v1alpha1.ScalingRules{Policies: []v1alpha1.ScalingPolicy{{Type: "Pods", Value: 2, PeriodSeconds: 60}}},
		}},
	}}
	return so
}

// status is the last that was written.
func (w *world) status(name string) *v1alpha1.ScaledObjectStatus {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	return w.store.last[name]
}

// would fails when the shadow of an object would not have n replicas because of these rules.
func (w *world) would(name string, n int32, limitedBy ...string) {
	w.t.Helper()
	s := w.status(name).Shadow
	if s == nil || s.Replicas != n || len(s.LimitedBy) != len(limitedBy) || len(limitedBy) > 0 && s.LimitedBy[0] != limitedBy[0] {
		w.t.Fatalf("the shadow of %s is %+v, want %d, %v", name, s, n, limitedBy)
	}
}

func testShadowKeepsCountOfItsOwnAndWritesNothing(t *testing.T) {
	in(t, func(_ *testing.T, w *world) {
		w.turn("web", 2)
		so := shadowed("web")
		w.apply(so)
		w.want("web", 2)
		w.would("web", 4, "minReplicaCount")
		pass(time.Minute)
		w.turn("web", 9)
		w.want("web", 9)
		w.would("web", 6, "rate")
		pass(time.Minute)
		w.settle()
		w.would("web", 8, "rate")
		w.turn("web", 1)
		w.want("web", 1)
		w.would("web", 4, "minReplicaCount")
	})
}

func testRemovedShadowIsForgotten(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		w.turn("web", 2)
		so := shadowed("web")
		w.apply(so)
		w.would("web", 4, "minReplicaCount")
		w.apply(edit(so, func(so *v1alpha1.ScaledObject) { so.Spec.Shadow = nil }))
		w.turn("web", 5)
		w.want("web", 5)
		if s := w.status("web").Shadow; s != nil {
			t.Errorf("its status still says %+v", s)
		}
	})
}

func testMistakeInShadowIsReportedAsOneOfObject(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		so := shadowed("web")
		so.Spec.Shadow.MaxReplicaCount = new(int32(3))
		w.apply(so)
		if reason, message := w.condition("web"); reason != "InvalidSpec" || message != "spec.shadow.minReplicaCount: 4 is above maxReplicaCount, 3" {
			t.Errorf("%s: %s", reason, message)
		}
	})
}
