package scalers

import (
	"errors"
	"fmt"
	"slices"
)

// Validate returns every mistake of the policy, joined; nil if there is none. Decide does not panic on an invalid policy, but
// its answer is only defined for a valid one.
func (p *Policy) Validate() error {
	var m mistakes
	if p.Min < 0 {
		m.add("the minimum is %d: expected 0 or more", p.Min)
	}
	if p.Max < 1 || p.Max < p.Min {
		m.add("the maximum is %d: expected at least 1 and at least the minimum, %d", p.Max, p.Min)
	}
	switch {
	case p.Idle < NoIdle || p.Idle >= max(p.Min, 1):
		m.add("the idle count is %d: expected 0 or more, and less than the minimum, %d", p.Idle, p.Min)
	case p.Idle == NoIdle && p.Min == 0:
		m.add("the minimum is 0 without an idle count: expected an idle count of 0")
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
	if p.Paused.Until < 0 {
		m.add("paused until %d: expected 0 or more", p.Paused.Until)
	}
	p.Fallback.validate(p, &m)
	p.Up.validate("up", &m)
	p.Down.validate("down", &m)
	p.validateTriggers(&m)
	return errors.Join(m...)
}

// mistakes collects every mistake of a policy.
type mistakes []error

func (m *mistakes) add(format string, args ...any) { *m = append(*m, fmt.Errorf(format, args...)) }

func (b *Behavior) validate(direction string, m *mistakes) {
	switch {
	case b.Window < 0:
		m.add("scale-%s window is %s: expected 0 or more", direction, b.Window)
	case b.Window > maxPeriod && direction == "up":
		m.add("scale-up window is %s: expected at most %s", b.Window, maxPeriod)
	}
	if b.Tolerance < 0 {
		m.add("scale-%s tolerance is %s: expected 0 or more", direction, percent(b.Tolerance))
	}
	if b.Select > Disabled {
		m.add("scale-%s select is %d: expected Max, Min or Disabled", direction, b.Select)
	}
	for i := range b.Policies {
		if r := &b.Policies[i]; r.Amount <= 0 || r.Period <= 0 || r.Period > maxPeriod {
			m.add("scale-%s policy %d allows %d in %s: expected more than 0 of both, and at most %s", direction, i, r.Amount, r.Period, maxPeriod)
		}
	}
}

func (p *Policy) validateTriggers(m *mistakes) {
	if len(p.Triggers) == 0 || len(p.Triggers) > MaxTriggers {
		m.add("%d triggers: expected 1 to %d", len(p.Triggers), MaxTriggers)
	}
	p.validateRoles(m)
	seen := make(map[string]bool, len(p.Triggers))
	for i := range p.Triggers {
		t := &p.Triggers[i]
		if t.Name == "" || seen[t.Name] {
			m.add("trigger %d is called %q: expected a name of its own", i, t.Name)
		}
		seen[t.Name] = true
		if !t.Input && t.Target <= 0 {
			m.add("trigger %s: target is %s: expected more than 0", t.Name, t.Target)
		}
		t.validateMetric(m)
		t.validateBounds(m)
		t.validateIncrement(m)
		if t.StaleAfter < 0 {
			m.add("trigger %s: stale after %s: expected 0 or more", t.Name, t.StaleAfter)
		}
	}
}

// validate checks a fallback, if there is one.
func (f *Fallback) validate(p *Policy, m *mistakes) {
	if f == nil {
		return
	}
	if f.FailureThreshold < 0 || f.Replicas < 0 || f.Interval < 0 {
		m.add("fallback to %d replicas after %d failures, one each %s: expected 0 or more", f.Replicas, f.FailureThreshold, f.Interval)
	}
	switch {
	case f.Behavior > FallbackScalingModifiers:
		m.add("fallback behavior is %d: expected one of KEDA's five", f.Behavior)
	case f.Behavior == FallbackScalingModifiers && p.composite() < 0:
		m.add("fallback behavior is scalingModifiers: expected a trigger with a formula")
	}
}

// composite returns the index of the trigger with a formula; -1 without one.
func (p *Policy) composite() int {
	return slices.IndexFunc(p.Triggers, func(t Trigger) bool { return t.Formula != nil })
}

// validateRoles checks that at least one trigger asks for replicas, and that a formula has inputs and is the last trigger.
func (p *Policy) validateRoles(m *mistakes) {
	asks, inputs, continuous := len(p.Triggers) == 0, 0, false
	for i := range p.Triggers {
		t := &p.Triggers[i]
		asks = asks || !t.Cap && !t.Input
		if t.Input {
			inputs, continuous = inputs+1, continuous || t.Continuous
		}
		if t.Input && (t.Cap || t.PerPod || t.Formula != nil) || t.Formula != nil && (t.PerPod || t.Exact) {
			m.add("trigger %s: it is of a formula and has another role: expected one number that only the formula sees", t.Name)
		}
	}
	switch i := p.composite(); {
	case !asks:
		m.add("every trigger caps, or is the input of a formula: expected one that asks for replicas")
	case i < 0 && inputs > 0:
		m.add("%d triggers are the inputs of a formula: expected a trigger with one", inputs)
	case i >= 0 && (i != len(p.Triggers)-1 || inputs == 0 || p.Triggers[i].Continuous != continuous):
		m.add("trigger %s has a formula: expected it last, with inputs, and continuous when one of them is", p.Triggers[i].Name)
	}
}

// validateBounds checks the trigger's own bounds.
func (t *Trigger) validateBounds(m *mistakes) {
	if t.Min < 0 || t.Max < 0 || t.Max > 0 && t.Max < t.Min {
		m.add("trigger %s asks for %d to %d: expected 0 or more, and the maximum not below the minimum", t.Name, t.Min, t.Max)
	}
}

// validateIncrement checks that a step trigger counts whole units of its own level.
func (t *Trigger) validateIncrement(m *mistakes) {
	n := t.Increment
	if n.Amount < 0 || n.Percent && n.Amount == 0 {
		m.add("trigger %s: each step adds %s: expected more than 0", t.Name, n)
	}
	if !t.steps() {
		return
	}
	if t.Metric == Value {
		m.add("trigger %s: metric type is Value: expected AverageValue for what adds %s each step", t.Name, n)
	}
	if t.Input || t.Formula != nil || t.PerPod {
		m.add("trigger %s: it adds %s each step and is of a formula, or of single pods: expected one number that no other trigger reads", t.Name, n)
	}
	if !t.Input && (!t.Exact || t.Target != 1000) {
		m.add("trigger %s: it adds %s each step: expected it exact with target 1, and not %s", t.Name, n, t.Target)
	}
}

// validateMetric checks that the metric type fits the kind of reading.
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
