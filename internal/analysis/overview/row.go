package overview

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// notObserved is the reason of an object, or of a version of it, on which Impulse has not decided yet. It is a word of this package: a
// status cannot have it.
const notObserved = "NotObserved"

// Row summarizes one object at an instant.
type Row struct {
	Namespace, Name string
	// Target is the target as KIND/NAME.
	Target string
	// Current is the count of the target, Desired the count that was decided; nil while it is unknown.
	Current, Desired *int32
	Min, Max         int32
	// HeldBy is the reason of status.reason; "" while the count is what the triggers ask for.
	HeldBy string
	// Activity is active, inactive, or unknown, and empty before the first decision. Failing is the number of triggers whose level is
	// unknown because of an error, of Triggers.
	Activity          string
	Failing, Triggers int
	// Winner is the trigger that asks for the most, and Levels has the level and the target of each trigger.
	Winner, Levels string
	// Next is when the decision may change without an event; the zero time if that is unknown, or past.
	Next time.Time
	// Pause applies at present.
	Pause   scalers.Paused
	Created time.Time
	// Urgency orders the rows of impulse top.
	Urgency Urgency
}

// Urgency tells how much an object needs attention, the most urgent first.
type Urgency int

// Urgencies.
const (
	// Failing objects cannot be scaled, or have triggers that are unknown.
	Failing Urgency = iota
	// AtMaximum is the urgency of objects whose triggers ask for more than the maximum.
	AtMaximum
	// Limited objects have another count than their triggers ask for.
	Limited
	// Changing objects have another count than was decided.
	Changing
	// Steady objects have the count that their triggers ask for.
	Steady
)

// Of summarizes an object whose defaults are set, at a time.
func Of(so *v1alpha1.ScaledObject, now time.Time) Row {
	s := &so.Status
	r := Row{
		Namespace: so.Namespace, Name: so.Name, Target: cmp.Or(s.Reference, compile.TargetOf(so).String()),
		Current: s.Replicas, Desired: s.DesiredReplicas, Min: deref(so.Spec.MinReplicaCount), Max: deref(so.Spec.MaxReplicaCount),
		HeldBy: s.Reason, Triggers: len(so.Spec.Triggers), Levels: s.Targets, Pause: compile.PauseAt(so, now), Created: so.CreationTimestamp.Time,
	}
	switch {
	case len(s.Conditions) == 0 || s.ObservedGeneration < so.Generation:
		r.HeldBy = notObserved
	case s.Reason == v1alpha1.ReasonAsRecommended:
		r.HeldBy = ""
	}
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionActive); c != nil {
		r.Activity = map[metav1.ConditionStatus]string{metav1.ConditionTrue: "active", metav1.ConditionFalse: "inactive", metav1.ConditionUnknown: "unknown"}[c.Status]
	}
	for i := range s.Triggers {
		if s.Triggers[i].LastError != "" {
			r.Failing++
		}
	}
	if d := s.LastDecision; d != nil {
		r.Winner = d.Trigger
		if d.Next != nil && d.Next.After(now) {
			r.Next = d.Next.Time
		}
	}
	r.Urgency = urgencyOf(s, &r)
	return r
}

// urgencyOf returns the urgency of an object with a status.
func urgencyOf(s *v1alpha1.ScaledObjectStatus, r *Row) Urgency {
	is := func(kind string, status metav1.ConditionStatus) bool {
		return meta.IsStatusConditionPresentAndEqual(s.Conditions, kind, status)
	}
	limited := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionScalingLimited)
	intended := r.HeldBy == v1alpha1.ReasonDryRun // The user wants that nothing is written.
	switch {
	case r.Failing > 0, is(v1alpha1.ConditionReady, metav1.ConditionFalse), is(v1alpha1.ConditionAbleToScale, metav1.ConditionFalse) && !intended,
		r.HeldBy == v1alpha1.ReasonContested:
		return Failing
	case limited != nil && limited.Status == metav1.ConditionTrue && limited.Reason == v1alpha1.ReasonMaxReplicaCount:
		return AtMaximum
	case r.HeldBy != "":
		return Limited
	case r.Current != nil && r.Desired != nil && *r.Current != *r.Desired:
		return Changing
	default:
		return Steady
	}
}

// State describes the triggers, such as "active, 1/3 failing".
func (r *Row) State() string {
	state := cmp.Or(r.Activity, "-")
	if r.Failing > 0 {
		state = fmt.Sprintf("%s, %d/%d failing", state, r.Failing, r.Triggers)
	}
	return state
}

// ByName orders rows by namespace and name.
func ByName(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name)) })
}

// ByUrgency orders rows by their urgency, and then by namespace and name.
func ByUrgency(rows []Row) {
	ByName(rows)
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(a.Urgency, b.Urgency) })
}

func deref(n *int32) int32 {
	if n == nil {
		return 0
	}
	return *n
}
