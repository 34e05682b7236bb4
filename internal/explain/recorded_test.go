package explain_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/explain"
	"github.com/impulse-sh/impulse/internal/workload"
	"github.com/impulse-sh/impulse/scalers"
)

func TestADecisionOnSinglePodsIsToldAsTheStatusHasIt(t *testing.T) {
	w := &workload.Workload{Policy: &scalers.Policy{Triggers: []scalers.Trigger{{Name: "cpu", Metric: scalers.Utilization, PerPod: true}}}}
	if !explain.Recorded(w) || explain.Recorded(&workload.Workload{Policy: queue()}) {
		t.Error("which decisions are only recorded is mistaken")
	}
	raw := int32(12)
	e, err := explain.FromStatus(w, &v1alpha1.ScaledObjectStatus{
		Triggers: []v1alpha1.TriggerStatus{
			{Name: "cpu", Type: "cpu", Value: "150", Target: "50", Proposal: &raw, Active: true},
			{Name: "rps", LastError: "connection refused"},
			{Name: "alert", Value: "3", LastError: "state lost", Proposal: &raw},
		},
		LastDecision: &v1alpha1.DecisionStatus{
			Time: metav1.NewMicroTime(noon.Time()), From: 4, To: 10, Raw: &raw, Trigger: "cpu", LimitedBy: []string{"maxReplicaCount"},
			Steps: []v1alpha1.StepStatus{{Rule: "maxReplicaCount", From: 12, To: 10, Why: "lowered from 12 to the maximum, 10"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := e.Text(&out, "shop/api (Deployment/api)"); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"shop/api (Deployment/api) goes from 4 to 10 replicas.", "150% of 50%", "connection refused", "but 3 at least: state lost", "12 at least", "12 → 10", "What comes next: not known here",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("it does not say %q:\n%s", part, out.String())
		}
	}
	if _, err := explain.FromStatus(w, &v1alpha1.ScaledObjectStatus{}); err == nil {
		t.Error("what was never decided is explained")
	}
}
