package main

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

func TestExplain(t *testing.T) {
	t.Run("an invalid object's explanation names the policy that stays in force", testInvalidObjectsExplanationNamesPolicyThatStaysInForce)
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
