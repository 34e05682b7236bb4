package scalers

import (
	"errors"
	"fmt"
	"math"
)

// Validate returns every mistake of the policy at once, joined. Decide answers any policy without a panic, but only for a
// valid one is the answer what is promised.
func (p *Policy) Validate() error {
	var m mistakes
	if p.Min < 0 {
		m.add("the minimum is %d: expected 0 or more", p.Min)
	}
	if p.Max < 1 || p.Max < p.Min {
		m.add("the maximum is %d: expected at least 1 and at least the minimum, %d", p.Max, p.Min)
	}
	switch {
	case p.Rest < NoRest || p.Rest >= max(p.Min, 1):
		m.add("the resting count is %d: expected 0 or more, and less than the minimum, %d", p.Rest, p.Min)
	case p.Rest == NoRest && p.Min == 0:
		m.add("the minimum is 0 with no resting count: expected one, 0")
	}
	if p.Cooldown < 0 || p.InitialCooldown < 0 {
		m.add("the cooldowns are %s and %s: expected 0 or more", p.Cooldown, p.InitialCooldown)
	}
	if p.CPUInitializationPeriod < 0 || p.InitialReadinessDelay < 0 {
		m.add("pods start for %s and may first be ready after %s: expected 0 or more", p.CPUInitializationPeriod, p.InitialReadinessDelay)
	}
	if p.Paused.Fixed && p.Paused.At < 0 {
		m.add("paused at %d: expected 0 or more", p.Paused.At)
	}
	p.Up.validate("up", &m)
	p.Down.validate("down", &m)
	p.validateTriggers(&m)
	return errors.Join(m...)
}

// mistakes are collected, not returned one by one.
type mistakes []error

func (m *mistakes) add(format string, args ...any) { *m = append(*m, fmt.Errorf(format, args...)) }

func (b *Behavior) validate(direction string, m *mistakes) {
	if b.Window < 0 {
		m.add("scale-%s window is %s: expected 0 or more", direction, b.Window)
	}
	if b.Tolerance < 0 {
		m.add("scale-%s tolerance is %s: expected 0 or more", direction, percent(b.Tolerance))
	}
	if b.Select > Disabled {
		m.add("scale-%s select is %d: expected Max, Min or Disabled", direction, b.Select)
	}
	for i := range b.Policies {
		if r := &b.Policies[i]; r.Amount <= 0 || r.Period <= 0 {
			m.add("scale-%s policy %d allows %d in %s: expected more than 0 of both", direction, i, r.Amount, r.Period)
		}
	}
}

func (p *Policy) validateTriggers(m *mistakes) {
	if len(p.Triggers) == 0 || len(p.Triggers) > MaxTriggers {
		m.add("%d triggers: expected 1 to %d", len(p.Triggers), MaxTriggers)
	}
	seen := make(map[string]bool, len(p.Triggers))
	for i := range p.Triggers {
		t := &p.Triggers[i]
		if t.Name == "" || seen[t.Name] {
			m.add("trigger %d is called %q: expected a name of its own", i, t.Name)
		}
		seen[t.Name] = true
		if t.Target <= 0 || t.Target == math.MaxInt64 {
			m.add("trigger %s: target is %s: expected more than 0", t.Name, t.Target)
		}
		t.validateMetric(m)
		if t.StaleAfter < 0 {
			m.add("trigger %s: stale after %s: expected 0 or more", t.Name, t.StaleAfter)
		}
	}
}

// validateMetric checks that the metric type goes with what is read.
func (t *Trigger) validateMetric(m *mistakes) {
	switch {
	case t.Metric > Utilization:
		m.add("trigger %s: metric type is %d: expected AverageValue, Value or Utilization", t.Name, t.Metric)
	case t.Metric == Utilization && !t.PerPod:
		m.add("trigger %s: metric type is Utilization: expected readings of single pods", t.Name)
	case t.Metric == Value && t.PerPod:
		m.add("trigger %s: metric type is Value: expected AverageValue or Utilization of single pods", t.Name)
	}
	if t.PerPod && t.Exact || t.CPU && !t.PerPod {
		m.add("trigger %s: it is exact or of cpu: expected readings of single pods with cpu, one number with exact", t.Name)
	}
}
