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

// shadowed returns an object whose shadow has at least 4 replicas, and adds at most 2 in each minute.
func shadowed(name string) *v1alpha1.ScaledObject {
	so := object(name)
	so.Spec.Shadow = &v1alpha1.Shadow{MinReplicaCount: new(int32(4)), Advanced: &v1alpha1.Advanced{
		HorizontalPodAutoscalerConfig: &v1alpha1.HorizontalPodAutoscalerConfig{Behavior: &v1alpha1.Behavior{
			ScaleUp: &v1alpha1.ScalingRules{Policies: []v1alpha1.ScalingPolicy{{Type: "Pods", Value: 2, PeriodSeconds: 60}}},
		}},
	}}
	return so
}

// status returns the last status of an object that was written.
func (e *env) status(name string) *v1alpha1.ScaledObjectStatus {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	return e.store.last[name]
}

// expectShadow fails the test unless the shadow of an object has n replicas, limited by these rules.
func (e *env) expectShadow(name string, n int32, limitedBy ...string) {
	e.t.Helper()
	e.awaitStatuses()
	s := e.status(name).Shadow
	if s == nil || s.Replicas != n || len(s.LimitedBy) != len(limitedBy) || len(limitedBy) > 0 && s.LimitedBy[0] != limitedBy[0] {
		e.t.Fatalf("the shadow of %s is %+v, want %d, %v", name, s, n, limitedBy)
	}
}

func testShadowKeepsCountOfItsOwnAndWritesNothing(t *testing.T) {
	in(t, func(_ *testing.T, e *env) {
		e.setLevel("web", 2)
		so := shadowed("web")
		e.apply(so)
		e.want("web", 2)
		e.expectShadow("web", 4, "minReplicaCount")
		pass(time.Minute)
		e.setLevel("web", 9)
		e.want("web", 9)
		e.expectShadow("web", 6, "rate")
		pass(time.Minute)
		e.expectShadow("web", 8, "rate")
		e.setLevel("web", 1)
		e.want("web", 1)
		e.expectShadow("web", 4, "minReplicaCount")
	})
}

func testRemovedShadowIsForgotten(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		e.setLevel("web", 2)
		so := shadowed("web")
		e.apply(so)
		e.expectShadow("web", 4, "minReplicaCount")
		e.apply(edit(so, func(so *v1alpha1.ScaledObject) { so.Spec.Shadow = nil }))
		e.setLevel("web", 5)
		e.want("web", 5)
		if s := e.status("web").Shadow; s != nil {
			t.Errorf("after the shadow policy was removed, got the shadow status %+v, want none", s)
		}
	})
}

func testMistakeInShadowIsReportedAsOneOfObject(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		so := shadowed("web")
		so.Spec.Shadow.MaxReplicaCount = new(int32(3))
		e.apply(so)
		if reason, message := e.readyCondition("web"); reason != "InvalidSpec" || message != "spec.shadow.minReplicaCount: 4 is above maxReplicaCount, 3" {
			t.Errorf("with an invalid shadow policy, got %s: %q, want InvalidSpec and the mistake", reason, message)
		}
	})
}
