package main

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
)

func TestExplain(t *testing.T) {
	t.Run("an invalid object's explanation names the policy that stays in force", testInvalidObjectsExplanationNamesPolicyThatStaysInForce)
	t.Run("the last decision on an invalid object is explained", testLastDecisionOnInvalidObjectIsExplained)
	t.Run("a pushed level may only end with its own ttl", testPushedLevelMayOnlyEndWithItsOwnTTL)
}

func testInvalidObjectsExplanationNamesPolicyThatStaysInForce(t *testing.T) {
	for want, able := range map[string]string{
		", and its last good version stays in effect": "ReadyToScale", ", and Impulse does not scale it": "InvalidSpec", "": "",
	} {
		s := &v1alpha1.ScaledObjectStatus{}
		if able != "" {
			s.Conditions = []metav1.Condition{
				{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "InvalidSpec"},
				{Type: v1alpha1.ConditionAbleToScale, Reason: able},
			}
		}
		if got := effectOfInvalid(s); got != want {
			t.Errorf("AbleToScale is %q: %q, want %q", able, got, want)
		}
	}
}

func testLastDecisionOnInvalidObjectIsExplained(t *testing.T) {
	three := int32(3)
	so := &v1alpha1.ScaledObject{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Generation: 2},
		Spec:       v1alpha1.ScaledObjectSpec{ScaleTargetRef: v1alpha1.ScaleTargetRef{Name: "web"}, Triggers: []v1alpha1.Trigger{{Type: "crom"}}},
		Status: v1alpha1.ScaledObjectStatus{
			Replicas: &three,
			Conditions: []metav1.Condition{
				{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonInvalidSpec},
				{Type: v1alpha1.ConditionAbleToScale, Status: metav1.ConditionTrue, Reason: "ReadyToScale"},
			},
			Triggers: []v1alpha1.TriggerStatus{{Name: "office", Type: "cron", Value: "3", Target: "1", Proposal: &three}},
			LastDecision: &v1alpha1.DecisionStatus{
				Time: metav1.NewMicroTime(time.Now().Add(-time.Minute)), From: 1, To: 3, Raw: &three, Trigger: "office",
				Steps: []v1alpha1.StepStatus{{Rule: "recommendation", From: 1, To: 3, Why: "office asked for 3"}},
			},
		},
	}
	l := &liveExplainer{}
	e, about, err := l.explain(t.Context(), so, true)
	if err == nil || !strings.Contains(err.Error(), `shop/web is invalid, and its last good version stays in effect: spec.triggers[0].type: unknown trigger type "crom"`) {
		t.Errorf("got the error %v", err)
	}
	if e == nil {
		t.Fatal("got no explanation")
	}
	var out strings.Builder
	if err := e.Text(&out, about); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"shop/web (last good version) went from 1 to 3 replicas", "office asked for 3", "the last good version of the object decides"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got\n%s\nwant %s in it", out.String(), want)
		}
	}
	so.Status.LastDecision = nil
	if e, _, err := l.explain(t.Context(), so, true); e != nil || err == nil || !strings.Contains(err.Error(), "nothing has been decided on it yet") {
		t.Errorf("without a decision: got %v, %v", e, err)
	}
}

func testPushedLevelMayOnlyEndWithItsOwnTTL(t *testing.T) {
	two := int32(2)
	memory, err := scalers.Memory{}.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	so := &v1alpha1.ScaledObject{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
		Spec: v1alpha1.ScaledObjectSpec{
			ScaleTargetRef: v1alpha1.ScaleTargetRef{Name: "web"}, Triggers: []v1alpha1.Trigger{{Type: "push", Name: "orders", Metadata: map[string]v1alpha1.Scalar{"threshold": "10"}}},
		},
		Status: v1alpha1.ScaledObjectStatus{
			Memory: string(memory), Replicas: &two, Triggers: []v1alpha1.TriggerStatus{{Name: "orders", Type: "push", Value: "12", Target: "10", Proposal: &two}},
			LastDecision: &v1alpha1.DecisionStatus{Time: metav1.NewMicroTime(time.Now()), From: 2, To: 2, Raw: &two, Trigger: "orders"},
		},
	}
	e, _, err := (&liveExplainer{}).explain(t.Context(), so, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := "orders may end with the ttl of its level, if that has one"; len(e.Undated) != 1 || e.Undated[0] != want {
		t.Errorf("got %q, want %s", e.Undated, want)
	}
}
