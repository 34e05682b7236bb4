package status

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/scalers"
)

// longestError bounds an error in a status.
const longestError = 300

// statusOf returns the status for an outcome of an object.
func statusOf(p *autoscaler.Outcome, o *object) *v1alpha1.ScaledObjectStatus {
	s := &v1alpha1.ScaledObjectStatus{
		ObservedGeneration: max(p.Workload.Generation, o.refusal.generation),
		Reference:          p.Workload.Target.String(),
		Triggers:           triggersOf(p),
	}
	s.OriginalReplicaCount = o.origin.of(s.Reference)
	s.Targets = targetsOf(s.Triggers)
	if p.TargetKnown {
		replicas := p.Target.Scale.Replicas
		s.Replicas = &replicas
	}
	if o.lastScale != nil {
		s.LastScaleTime = &metav1.Time{Time: o.lastScale.Truncate(time.Second)}
	}
	if p.Decided {
		desired := p.Decision.Replicas
		s.DesiredReplicas = &desired
		s.LastDecision = decisionOf(p)
	}
	s.History, s.Shadow = o.history.past, o.shadow
	// A memory that cannot be encoded is lost, and a lost memory never lowers a count.
	if text, err := o.remembered(p).MarshalText(); err == nil {
		s.Memory = string(text)
	}
	s.Reason = o.conditions.update(p, o.refusal)
	s.Conditions = o.conditions.list
	return s
}

// sameOutcome reports whether two statuses have the same outcome, except for the limit and the texts of errors, which resume and due compare.
func sameOutcome(a, b *v1alpha1.ScaledObjectStatus) bool {
	return reflect.DeepEqual(outcomeFields(a), outcomeFields(b)) && reflect.DeepEqual(memoryIn(a), memoryIn(b))
}

// memoryIn returns the part of a status's memory that belongs to the outcome: the consecutive failures, without times, and the bases.
func memoryIn(s *v1alpha1.ScaledObjectStatus) scalers.Memory {
	var m scalers.Memory
	if m.UnmarshalText([]byte(s.Memory)) != nil {
		return scalers.Memory{}
	}
	for i := range m.Failures {
		m.Failures[i].At = 0
	}
	return scalers.Memory{Failures: m.Failures, Bases: m.Bases}
}

// sameTexts reports whether two statuses have the same errors, whatever the numbers in them.
func sameTexts(a, b *v1alpha1.ScaledObjectStatus) bool {
	return slices.Equal(errorsIn(a), errorsIn(b))
}

// errorsIn returns the errors in a status without the numbers in them.
func errorsIn(s *v1alpha1.ScaledObjectStatus) []string {
	var all []string
	for _, t := range s.Triggers {
		all = append(all, t.LastError)
	}
	if reason, message := blockedIn(s); reason != "" {
		all = append(all, message)
	}
	for i := range all {
		all[i] = strings.Map(withoutDigits, all[i])
	}
	return all
}

// blockedIn returns the reason in a status why no count is written, and the message; both are "" if it is.
func blockedIn(s *v1alpha1.ScaledObjectStatus) (reason, message string) {
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionAbleToScale); c != nil && c.Status != metav1.ConditionTrue {
		return c.Reason, c.Message
	}
	return "", ""
}

// withoutDigits returns -1 for a digit.
func withoutDigits(r rune) rune {
	if '0' <= r && r <= '9' {
		return -1
	}
	return r
}

// outcomeFields returns the fields of a status that belong to the outcome, except for the limit and the texts of errors.
func outcomeFields(s *v1alpha1.ScaledObjectStatus) *v1alpha1.ScaledObjectStatus {
	e := &v1alpha1.ScaledObjectStatus{
		ObservedGeneration: s.ObservedGeneration, Reference: s.Reference, Replicas: s.Replicas, DesiredReplicas: s.DesiredReplicas,
		OriginalReplicaCount: s.OriginalReplicaCount,
	}
	for _, t := range s.Triggers {
		outcome := v1alpha1.TriggerStatus{Name: t.Name, Type: t.Type, Target: t.Target, LastError: t.LastError, Pending: t.Pending, Fallback: t.Fallback}
		if t.LastError != "" && t.LastError != notReadYet {
			outcome.LastError = v1alpha1.ReasonTriggerFailed
		}
		e.Triggers = append(e.Triggers, outcome)
	}
	for _, c := range s.Conditions {
		if c.Type != v1alpha1.ConditionScalingLimited {
			e.Conditions = append(e.Conditions, metav1.Condition{Type: c.Type, Status: c.Status, Reason: c.Reason})
		}
	}
	if a := s.Shadow; a != nil {
		e.Shadow = &v1alpha1.ShadowStatus{Replicas: a.Replicas}
	}
	return e
}

// triggersOf returns the status of each trigger.
func triggersOf(p *autoscaler.Outcome) []v1alpha1.TriggerStatus {
	all := make([]v1alpha1.TriggerStatus, len(p.Events))
	for i := range p.Events {
		policy := &p.Workload.Policy.Triggers[i]
		t := v1alpha1.TriggerStatus{Name: policy.Name, Type: p.Workload.Triggers[i].Kind.Name}
		if !policy.Exact {
			t.Target = policy.Target.String()
		}
		if why := unknownBecause(p, i); why != "" {
			t.LastError = shorten(why)
		}
		if q := proposalOf(p, i); q.Known || q.AtLeast {
			t.Value, t.Proposal, t.Active = q.Level.String(), &q.Raw, q.Active
			t.Pods = podsOf(policy, &q.Pods)
			if policy.Metric == scalers.Value {
				ready := p.Events[i].Ready
				t.ReadyReplicas = &ready
			}
			if q.AddsNothing {
				t.Proposal = nil
			}
		}
		t.Pending, t.Fallback = pendingOf(&p.Events[i]), fallsBack(p, i)
		if policy.Input {
			t.Target, t.Proposal = "", nil // Only the formula asks for replicas.
		}
		all[i] = t
	}
	return append(all, compositeOf(p)...)
}

// fallsBack reports whether the fallback determines what a trigger asks for. The step of the fallback does not show that: there is none
// once the count is that of the fallback.
func fallsBack(p *autoscaler.Outcome, i int) bool {
	return p.Decided && i < len(p.Decision.Proposals()) && p.Decision.Proposals()[i].Fallback
}

// pendingOf returns the level that a trigger foresees, or nil.
func pendingOf(e *scalers.Event) *v1alpha1.PendingLevel {
	if e.Foreseen == (scalers.Foreseen{}) {
		return nil
	}
	return &v1alpha1.PendingLevel{At: metav1.NewMicroTime(e.Foreseen.At.Time()), Value: e.Foreseen.Value.String()}
}

// proposalOf returns what a trigger asks for by its last reading. The count that a step trigger adds to comes from the decision.
func proposalOf(p *autoscaler.Outcome, i int) scalers.Proposal {
	q := p.Workload.Policy.Propose(i, &p.Events[i], p.At)
	if p.Workload.Policy.Triggers[i].Increment.Amount == 0 || !p.Decided || i >= len(p.Decision.Proposals()) {
		return q
	}
	if d := p.Decision.Proposals()[i]; d.Level == q.Level && d.AddsNothing == q.AddsNothing {
		q.Base, q.Raw, q.Replicas = d.Base, d.Raw, d.Replicas
	}
	return q
}

// podsOf returns the measurements of pods; nil for a trigger with one level.
func podsOf(t *scalers.Trigger, n *scalers.PodCounts) *v1alpha1.PodsStatus {
	if !t.PerPod {
		return nil
	}
	s := &v1alpha1.PodsStatus{
		Measured: n.Ready, Missing: n.Missing, Unready: n.Unready, Ignored: n.Ignored, Unlisted: n.Surplus,
		Usage: n.Mean.String(), Counted: n.Counted, Level: n.Level.String(),
	}
	if t.Metric == scalers.Utilization {
		s.Request = n.Request.String()
	}
	return s
}

// compositeOf returns the status of the formula of scalingModifiers; nil if there is none.
func compositeOf(p *autoscaler.Outcome) []v1alpha1.TriggerStatus {
	i := len(p.Events)
	if i >= len(p.Workload.Policy.Triggers) || !p.Decided || i >= len(p.Decision.Proposals()) {
		return nil
	}
	policy, q := &p.Workload.Policy.Triggers[i], &p.Decision.Proposals()[i]
	t := v1alpha1.TriggerStatus{Name: policy.Name, Type: "formula", Target: policy.Target.String()}
	if !q.Known {
		t.LastError = "it " + q.Why.String()
		return []v1alpha1.TriggerStatus{t}
	}
	raw := q.Raw
	t.Value, t.Proposal, t.Active = q.Level.String(), &raw, q.Active
	return []v1alpha1.TriggerStatus{t}
}

// targetsOf returns the levels and targets in one line, such as 132/100, 3/10. A level that is a count has no target, and ? is unknown.
func targetsOf(all []v1alpha1.TriggerStatus) string {
	var out strings.Builder
	for i, t := range all {
		if i > 0 {
			out.WriteString(", ")
		}
		switch {
		case t.Value == "":
			out.WriteString("?")
		case t.LastError != "":
			out.WriteString("≥")
		}
		out.WriteString(t.Value)
		if t.Target != "" {
			out.WriteString("/" + t.Target)
		}
	}
	return out.String()
}

// decisionOf returns the decision with its steps.
func decisionOf(p *autoscaler.Outcome) *v1alpha1.DecisionStatus {
	d := p.Decision
	s := &v1alpha1.DecisionStatus{
		Time: metav1.NewMicroTime(p.At.Time()), From: p.From, To: d.Replicas, LimitedBy: d.LimitedBy(),
	}
	if d.Winner >= 0 {
		raw := d.Raw
		s.Raw, s.Trigger = &raw, p.Workload.Policy.Triggers[d.Winner].Name
	}
	for _, step := range d.Steps() {
		s.Steps = append(s.Steps, v1alpha1.StepStatus{
			Rule: step.Rule.String(), From: step.From, To: step.To, Why: printable.Line(p.Workload.Policy.Sentence(d, step), printable.Longest),
		})
	}
	if d.Next != scalers.Never {
		next := metav1.NewMicroTime(d.Next.Time())
		s.Next = &next
	}
	return s
}

// shorten returns a text in one line of bounded length that is safe to print. It may contain text of a source or an alert.
func shorten(text string) string { return printable.Line(text, longestError) }
