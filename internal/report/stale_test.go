package report

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

func TestAStaleAlertIsAConditionUntilItIsRepeated(t *testing.T) {
	at(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *desk) {
		says := func(stale string) *metav1.Condition {
			t.Helper()
			d.stale = stale
			return meta.FindStatusCondition(d.says(30, nil).Conditions, v1alpha1.ConditionAlertStale)
		}
		if got := says(""); got != nil {
			t.Errorf("an object that never had a stale alert has the condition %v", got)
		}
		if got := says("alert Slow was last repeated at noon"); got == nil || got.Status != metav1.ConditionTrue ||
			got.Message != "queue: alert Slow was last repeated at noon" {
			t.Errorf("stale: %v", got)
		}
		if got := says(""); got == nil || got.Status != metav1.ConditionFalse || got.Message != "" {
			t.Errorf("repeated: %v", got)
		}
	})
}
