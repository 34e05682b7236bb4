package scalers

import (
	"cmp"
	"errors"
)

// Level is the level of a trigger as an input of a formula.
type Level struct {
	// Value is in thousandths of the trigger's unit. It has no meaning unless Known.
	Value Milli
	// Known is false while the trigger is unknown, and for a trigger that is no input: the formula treats it as missing.
	Known bool
}

// errIncomplete is why a formula is not evaluated while an input is unknown.
var errIncomplete = errors.New("an input is unknown")

// observeComposite evaluates the formula of trigger i. The result gets the instant, the ready pods and the current count of
// the newest input, so it is a new reading only when an input is one.
//
// The formula is evaluated without an unknown input if the policy has no fallback, or if it has FallbackScalingModifiers and
// the input has failed more than FailureThreshold times in a row. Otherwise an unknown input makes the result unknown. So
// does an input that has not been read yet.
func (c *chain) observeComposite(i int) {
	t, q := &c.policy.Triggers[i], c.decision.proposal(i)
	levels := make([]Level, i)
	e := Event{Trigger: t.Name}
	exceeded, complete := false, true
	for j := range levels {
		if !c.policy.Triggers[j].Input {
			continue
		}
		input, of := c.event(j), c.decision.proposal(j)
		if input.newer(&e) {
			e.At, e.Ready, e.Current = input.At, input.Ready, input.Current
		}
		levels[j] = Level{Value: of.Level, Known: of.Known}
		exceeded = exceeded || of.Fallback
		complete = complete && (of.Known || c.policy.missing(of))
	}
	if complete {
		e.Value, e.Err = t.Formula(levels)
	} else {
		e.Err = errIncomplete
	}
	m := c.policy.propose(i, &e, c.now, q)
	if q.Why == Failed {
		q.Why = Incomplete
		if complete {
			q.Why, c.decision.FormulaErr = FormulaFailed, e.Err
		}
	}
	if c.policy.fallsBackToFormula() {
		exceeded = exceeded && complete
	}
	c.observeTrigger(i, &e, q, m, exceeded)
}

// newer reports whether e is newer than another reading. Of two readings at the same instant, the one with more ready pods
// counts as newer, then the one with more replicas.
func (e *Event) newer(than *Event) bool {
	if order := cmp.Or(cmp.Compare(e.At, than.At), cmp.Compare(e.Ready, than.Ready)); order != 0 {
		return order > 0
	}
	return e.Current > than.Current
}

// missing reports whether the formula treats an unknown input as missing.
func (p *Policy) missing(input *Proposal) bool {
	if p.Fallback == nil {
		return input.Why != NotRead
	}
	return input.Fallback && p.fallsBackToFormula()
}

// fallsBackToFormula reports whether the formula itself is the fallback.
func (p *Policy) fallsBackToFormula() bool {
	return p.Fallback != nil && p.Fallback.Behavior == FallbackScalingModifiers
}
