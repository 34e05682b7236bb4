package explain_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/explain"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

func TestRecorded(t *testing.T) {
	t.Run("a decision on single pods reads like the status", testDecisionOnSinglePodsReadsLikeStatus)
}

// perPod returns a workload with cpu as a percentage, memory as an amount, and a queue.
func perPod() *compile.Workload {
	return &compile.Workload{Policy: &scalers.Policy{Triggers: []scalers.Trigger{
		{Name: "cpu", Metric: scalers.Utilization, PerPod: true, CPU: true, Target: 50_000},
		{Name: "memory", PerPod: true, Target: 200_000},
		{Name: "rps", Target: 100_000},
	}}}
}

func testDecisionOnSinglePodsReadsLikeStatus(t *testing.T) {
	if !explain.Recorded(perPod()) || explain.Recorded(&compile.Workload{Policy: queue()}) {
		t.Errorf("recorded only: with single pods %t, with a queue %t; want true and false", explain.Recorded(perPod()), explain.Recorded(&compile.Workload{Policy: queue()}))
	}
	next := metav1.NewMicroTime(noon.Add(2 * minute).Time())
	status := func() *v1alpha1.ScaledObjectStatus {
		return &v1alpha1.ScaledObjectStatus{
			Triggers: []v1alpha1.TriggerStatus{
				{Name: "cpu", Type: "cpu", Value: "150", Target: "50", Proposal: new(int32(12)), Pods: &v1alpha1.PodsStatus{
					Measured: 4, Usage: "0.15", Request: "0.1", Counted: 4, Level: "150",
				}},
				{Name: "memory", Type: "memory", Value: "180", Target: "200", Proposal: new(int32(4)), Pods: &v1alpha1.PodsStatus{
					Measured: 3, Missing: 1, Usage: "180", Counted: 4, Level: "185",
				}},
				{Name: "rps", LastError: "connection refused"},
				{Name: "alert", Value: "3", LastError: "state lost", Proposal: new(int32(12))},
			},
			LastDecision: &v1alpha1.DecisionStatus{
				Time: metav1.NewMicroTime(noon.Time()), From: 4, To: 10, Raw: new(int32(12)), Trigger: "cpu", LimitedBy: []string{"maxReplicaCount"}, Next: &next,
				Steps: []v1alpha1.StepStatus{{Rule: "maxReplicaCount", From: 12, To: 10, Why: "lowered from 12 to the maximum, 10"}},
			},
		}
	}
	since, ten := status(), int32(10)
	since.Replicas, since.LastDecision.Next = &ten, nil
	for name, s := range map[string]*v1alpha1.ScaledObjectStatus{"single pods": status(), "single pods and the count since": since} {
		t.Run(name, func(t *testing.T) {
			e, err := explain.FromStatus(perPod(), s, noon.Add(minute).Time())
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := e.Text(&out, "shop/api (Deployment/api)"); err != nil {
				t.Fatal(err)
			}
			golden(t, name, out.String())
		})
	}
	if _, err := explain.FromStatus(perPod(), &v1alpha1.ScaledObjectStatus{}, noon.Time()); err == nil {
		t.Error("an object without a decision is explained, want an error")
	}
}
