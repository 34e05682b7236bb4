package explain

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// Recorded reports whether an object's decisions can only be shown as its status has them, but not be taken again: a status has no
// readings of single pods.
func Recorded(w *compile.Workload) bool {
	return slices.ContainsFunc(w.Policy.Triggers, func(t scalers.Trigger) bool { return t.PerPod })
}

// FromStatus explains the last decision as an object's status has it, without what comes next or would change it. now is the instant
// of the explanation. The error is that of Undecided.
func FromStatus(w *compile.Workload, s *v1alpha1.ScaledObjectStatus, now time.Time) (*Explanation, error) {
	d := s.LastDecision
	if d == nil {
		return nil, Undecided(s)
	}
	e := &Explanation{
		At: d.Time.Time, From: d.From, To: d.To, targetCount: s.Replicas, Obstacles: obstaclesOf(w, s, now),
		Raw: d.Raw, Winner: d.Trigger, LimitedBy: d.LimitedBy, Steps: []Step{},
		Now: &now, Recorded: "the next reading of the pods decides. What is above was read then; it is recorded again when the outcome changes.",
	}
	if d.Next != nil && d.Next.After(now) {
		e.Next = &d.Next.Time
		e.Recorded = "the next reading of the pods decides; without one, it is decided anew at " + moment(d.Next.Time)
	}
	for i := range s.Triggers {
		e.Triggers = append(e.Triggers, recordedTrigger(w, d.From, &s.Triggers[i]))
	}
	for _, step := range d.Steps {
		e.Steps = append(e.Steps, Step{Rule: step.Rule, From: step.From, To: step.To, Why: step.Why})
	}
	if len(e.Steps) == 0 {
		e.Unchanged = fmt.Sprintf("unchanged: %s asked for %d", d.Trigger, d.To)
		if d.Trigger == "" {
			e.Unchanged = "held, as nothing is known"
		}
	}
	e.Obstacles = append(e.Obstacles, e.unknownObstacles()...)
	return e, nil
}

// LastGood explains the last decision on an object whose spec is invalid, by the version that stays in effect: the status has the decision,
// and only Impulse has the rules of that version.
func LastGood(so *v1alpha1.ScaledObject, now time.Time) (*Explanation, error) {
	s := so.Status.DeepCopy()
	s.Conditions = slices.DeleteFunc(s.Conditions, func(c metav1.Condition) bool { return c.Reason == v1alpha1.ReasonInvalidSpec })
	e, err := FromStatus(&compile.Workload{Policy: &scalers.Policy{}}, s, now)
	if err != nil {
		return nil, err
	}
	e.Recorded = "the last good version of the object decides until its spec is corrected; what would change the count is not known from the object"
	return e, nil
}

// recordedTrigger returns a trigger's part in the decision, as the status has it.
func recordedTrigger(w *compile.Workload, from int32, t *v1alpha1.TriggerStatus) Trigger {
	i := slices.IndexFunc(w.Policy.Triggers, func(p scalers.Trigger) bool { return p.Name == t.Name })
	shown := Trigger{
		Name: t.Name, Active: t.Active, Proposal: t.Proposal, Tolerated: t.Proposal, Indifferent: i >= 0 && indifferent(&w.Policy.Triggers[i]),
	}
	level, err := scalers.ParseMilli(t.Value)
	switch {
	case t.LastError != "" && t.Value != "":
		shown.Unknown = fmt.Sprintf("is not known for certain, but %s at least: %s", t.Value, t.LastError)
	case t.LastError != "":
		shown.Unknown = scalers.Failed.String() + ": " + t.LastError
	case i < 0 || err != nil || w.Policy.Triggers[i].PerPod && t.Pods == nil:
		shown.Formula = t.Value // The object does not have the trigger any more, or another kind of it.
	default:
		p, e := &w.Policy.Triggers[i], scalers.Event{Current: from}
		if t.ReadyReplicas != nil {
			e.Ready = *t.ReadyReplicas
		}
		q := scalers.Proposal{Level: level, Pods: countsOf(t.Pods)}
		switch {
		case p.Increment.Amount != 0: // The count that it adds to is not in the status.
			shown.Formula = fmt.Sprintf("+%s × %s", p.Increment, whole(level))
		case p.Input:
			shown.Formula = partOf(&q)
		default:
			shown.Formula = formula(p, &e, &q)
		}
	}
	return shown
}

// countsOf returns the measurements of single pods. A number that cannot be read is shown as 0: no decision uses it.
func countsOf(s *v1alpha1.PodsStatus) scalers.PodCounts {
	if s == nil {
		return scalers.PodCounts{}
	}
	read := func(text string) scalers.Milli {
		m, err := scalers.ParseMilli(text)
		if err != nil {
			return 0
		}
		return m
	}
	return scalers.PodCounts{
		Ready: s.Measured, Missing: s.Missing, Unready: s.Unready, Ignored: s.Ignored, Surplus: s.Unlisted,
		Mean: read(s.Usage), Request: read(s.Request), Counted: s.Counted, Level: read(s.Level),
	}
}
