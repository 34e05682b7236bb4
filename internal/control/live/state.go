package live

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// The states of an object, the one that matters most first.
const (
	// Failing: a trigger is unknown, the target cannot be scaled, or the object is invalid.
	Failing = "failing"
	// Warning: another client changes the count, too, an alert was not repeated, or a source has a notice.
	Warning = "warning"
	// Paused: an annotation pauses the object.
	Paused = "paused"
	// DryRun: counts are decided and reported, but not written.
	DryRun = "dryrun"
	// Scaling: the count is not the decided one yet.
	Scaling = "scaling"
	// Limited: a rule other than the minimum keeps the count from what the triggers ask for.
	Limited = "limited"
	// Idle: no trigger is active.
	Idle = "idle"
	// Steady: the count is as recommended.
	Steady = "steady"
	// Waiting: there is no decision yet.
	Waiting = "waiting"
)

// stateOf returns the state of an object by the conditions of its status. differs is true if its count is not the decided one.
func stateOf(s *v1alpha1.ScaledObjectStatus, differs bool) string {
	is := func(kind string, status metav1.ConditionStatus) bool {
		return meta.IsStatusConditionPresentAndEqual(s.Conditions, kind, status)
	}
	reason := func(kind string) string {
		if c := meta.FindStatusCondition(s.Conditions, kind); c != nil {
			return c.Reason
		}
		return ""
	}
	able, ready := reason(v1alpha1.ConditionAbleToScale), reason(v1alpha1.ConditionReady)
	switch {
	case len(s.Conditions) == 0, ready == v1alpha1.ReasonWaitingForTriggers:
		return Waiting
	case is(v1alpha1.ConditionReady, metav1.ConditionFalse), is(v1alpha1.ConditionAbleToScale, metav1.ConditionFalse) && able != v1alpha1.ReasonDryRun:
		return Failing
	case able == v1alpha1.ReasonContested, is(v1alpha1.ConditionAlertStale, metav1.ConditionTrue), is(v1alpha1.ConditionSourceNotice, metav1.ConditionTrue):
		return Warning
	case is(v1alpha1.ConditionPaused, metav1.ConditionTrue):
		return Paused
	case able == v1alpha1.ReasonDryRun:
		return DryRun
	case differs:
		return Scaling
	case is(v1alpha1.ConditionScalingLimited, metav1.ConditionTrue) && reason(v1alpha1.ConditionScalingLimited) != v1alpha1.ReasonMinReplicaCount:
		return Limited
	case is(v1alpha1.ConditionActive, metav1.ConditionFalse):
		return Idle
	default:
		return Steady
	}
}

// messageOf returns the message of the condition that a status has its reason from; "" if there is none.
func messageOf(s *v1alpha1.ScaledObjectStatus) string {
	for _, c := range s.Conditions {
		if c.Reason == s.Reason || c.Type == s.Reason && c.Status == metav1.ConditionTrue {
			return c.Message
		}
	}
	return ""
}
