package report

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/pipeline"
	"github.com/impulse-sh/impulse/internal/workload"
	"github.com/impulse-sh/impulse/scalers"
)

func TestAStaleAlertIsAConditionUntilItIsRepeated(t *testing.T) {
	var c conditions
	spec := &workload.Workload{Triggers: []workload.Trigger{{Name: "alerts"}}}
	stale := func(why string) *metav1.Condition {
		e := scalers.Event{At: scalers.InstantOf(time.Now()), Stale: why != "", Unconfirmed: why}
		c.stale(&pipeline.Outcome{Workload: spec, Events: []scalers.Event{e}}, 1)
		return meta.FindStatusCondition(c.at, v1alpha1.ConditionAlertStale)
	}
	if got := stale(""); got != nil {
		t.Errorf("an object that never had a stale alert has the condition %v", got)
	}
	if got := stale("alert Slow was last repeated at noon"); got == nil || got.Status != metav1.ConditionTrue || got.Message != "alerts: alert Slow was last repeated at noon" {
		t.Errorf("stale: %v", got)
	}
	if got := stale(""); got == nil || got.Status != metav1.ConditionFalse || got.Message != "" {
		t.Errorf("repeated: %v", got)
	}
}
