package policytest

import (
	"fmt"
	"strings"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/scalers"
)

// Decision is a decision in an output: its causes, its counts, and each step.
type Decision struct {
	// At is the time since t = 0.
	At       string   `json:"at"`
	Causes   []string `json:"causes"`
	From     int32    `json:"from"`
	Replicas int32    `json:"replicas"`
	// Raw and Trigger are the winner's; they are missing while no trigger is known.
	Raw       *int32   `json:"raw,omitempty"`
	Trigger   string   `json:"trigger,omitempty"`
	LimitedBy []string `json:"limitedBy"`
	Steps     []Step   `json:"steps"`
	// Why is the reason why no rule changed the number; "" when one did.
	Why string `json:"why,omitempty"`
	// Next is when the next decision is due without an input.
	Next string `json:"next,omitempty"`
}

// Step is one rule that changed the number.
type Step struct {
	Rule string `json:"rule"`
	From int32  `json:"from"`
	To   int32  `json:"to"`
	Why  string `json:"why"`
}

// decisionOf renders the latest decision of a turn.
func decisionOf(s *engine.Scenario, t *engine.Turn) *Decision {
	d := t.Decision
	m := &Decision{
		At: scalers.Short(t.DecidedAt.Sub(s.Start)), From: t.From, Replicas: d.Replicas,
		LimitedBy: append([]string{}, d.LimitedBy()...), Steps: []Step{},
	}
	if t.Decided {
		m.Causes = causes(s, t)
	}
	if d.Winner >= 0 {
		raw := d.Raw
		m.Raw, m.Trigger = &raw, s.Policy.Triggers[d.Winner].Name
	}
	for _, step := range d.Steps() {
		m.Steps = append(m.Steps, Step{Rule: step.Rule.String(), From: step.From, To: step.To, Why: s.Policy.Sentence(d, step)})
	}
	if len(m.Steps) == 0 {
		m.Why = s.Policy.Why(d)
	}
	if d.Next != scalers.Never {
		m.Next = scalers.Short(d.Next.Sub(s.Start))
	}
	return m
}

// causes lists what was due at a turn.
func causes(s *engine.Scenario, t *engine.Turn) []string {
	all := []string{}
	if t.FirstSeen {
		all = append(all, "the test begins")
	}
	if t.Written {
		all = append(all, fmt.Sprintf("somebody wrote %d", t.From))
	}
	for i := range t.Events {
		if t.Arrived&(1<<i) != 0 {
			all = append(all, reading(s, t, i))
		}
	}
	if t.TimerFired {
		all = append(all, "the last decision's time was up")
	}
	return all
}

// readings lists the latest readings of all triggers.
func readings(s *engine.Scenario, t *engine.Turn) []string {
	all := make([]string, len(t.Events))
	for i := range t.Events {
		all[i] = reading(s, t, i)
	}
	return all
}

// reading describes the latest reading of trigger i.
func reading(s *engine.Scenario, t *engine.Turn, i int) string {
	name, e, q := s.Policy.Triggers[i].Name, &t.Events[i], &t.Decision.Proposals()[i]
	switch {
	case q.Fallback && e.Err != nil:
		return name + " is in fallback: " + e.Err.Error()
	case e.Err != nil:
		return name + " is unknown: " + e.Err.Error()
	case !q.Known:
		return name + " " + q.Why.String()
	case e.PerPod:
		return fmt.Sprintf("%s is %s, of %d pods", name, q.Level, len(e.Pods))
	default:
		return name + " is " + q.Level.String()
	}
}

// outcome lists, in one line, what a test can expect of a decision.
func (m *Decision) outcome(replicas int32) string {
	text := fmt.Sprintf("replicas %d", replicas)
	if m.Raw != nil {
		text += fmt.Sprintf(", raw %d, trigger %s", *m.Raw, m.Trigger)
	} else {
		text += ", no trigger known"
	}
	return text + ", limitedBy " + names(m.LimitedBy)
}

// write writes the steps, one per line.
func (m *Decision) write(out *strings.Builder, indent string) {
	for _, s := range m.Steps {
		fmt.Fprintf(out, "%s%s: %d → %d: %s\n", indent, s.Rule, s.From, s.To, line(s.Why))
	}
	if len(m.Steps) == 0 {
		fmt.Fprintf(out, "%s%s\n", indent, line(m.Why))
	}
}
