package explain

import (
	"fmt"
	"slices"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/workload"
	"github.com/impulse-sh/impulse/scalers"
)

// Recorded reports whether an object's decisions can be told only as its status has them: readings of single pods are not in
// it, so that the core cannot be asked again.
func Recorded(w *workload.Workload) bool {
	return slices.ContainsFunc(w.Policy.Triggers, func(t scalers.Trigger) bool { return t.PerPod })
}

// FromStatus tells the last decision as an object's status has it, without what comes next or would change it.
func FromStatus(w *workload.Workload, s *v1alpha1.ScaledObjectStatus) (*Explanation, error) {
	d := s.LastDecision
	if d == nil {
		return nil, Undecided(s)
	}
	e := &Explanation{
		At: d.Time.Time, From: d.From, To: d.To, Raw: d.Raw, Winner: d.Trigger, LimitedBy: d.LimitedBy, Steps: []Step{},
		Recorded: "not known here: the readings of single pods are not in the status",
	}
	if d.Next != nil {
		e.Next = &d.Next.Time
	}
	for i := range s.Triggers {
		t := &s.Triggers[i]
		shown := Trigger{Name: t.Name, Active: t.Active, Proposal: t.Proposal, Tolerated: t.Proposal}
		switch {
		case t.LastError == "":
			shown.Formula = levelOf(w, t)
		case t.Value != "":
			shown.Unknown = fmt.Sprintf("is not known for certain, but %s at least: %s", t.Value, t.LastError)
		default:
			shown.Unknown = "could not be read: " + t.LastError
		}
		e.Triggers = append(e.Triggers, shown)
	}
	for _, step := range d.Steps {
		e.Steps = append(e.Steps, Step{Rule: step.Rule, From: step.From, To: step.To, Why: step.Why})
	}
	if len(e.Steps) == 0 {
		e.Unchanged = fmt.Sprintf("unchanged; %s asks for as many", d.Trigger)
		if d.Trigger == "" {
			e.Unchanged = "held, as nothing is known"
		}
	}
	return e, nil
}

// levelOf is a trigger's level and its target, as the status has them.
func levelOf(w *workload.Workload, t *v1alpha1.TriggerStatus) string {
	unit := ""
	for i := range w.Policy.Triggers {
		if p := &w.Policy.Triggers[i]; p.Name == t.Name && p.Metric == scalers.Utilization {
			unit = "%"
		}
	}
	if t.Target == "" {
		return t.Value + " replicas"
	}
	return fmt.Sprintf("%s%s of %s%s", t.Value, unit, t.Target, unit)
}
