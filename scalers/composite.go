package scalers

import (
	"cmp"
	"errors"
)

// Level is the level of a trigger as its formula reads it.
type Level struct {
	// Value is in thousandths of the trigger's unit. It has no meaning unless Known.
	Value Milli
	// Known is false while the trigger is unknown, and for a trigger that is no input: the formula treats it as missing.
	Known bool
}

// errIncomplete is why a formula is not evaluated while an input is unknown.
var errIncomplete = errors.New("an input is unknown")

// observeComposite evaluates the formula of trigger i, and observes the result as a reading of its newest input. So the
// composite trigger changes when an input does, and never counts as a reading of its own.
//
// An unknown input is missing to the formula: at once when the policy has no fallback, and with FallbackScalingModifiers
// when it has failed often enough. With another fallback, or before that, the formula is not evaluated. Nor is it evaluated
// before each input has been read: it is not known before whether one is missing.
func (c *chain) observeComposite(i int) {
	t, q := &c.policy.Triggers[i], &c.decision.proposals[i]
	levels := make([]Level, i)
	e := Event{Trigger: t.Name}
	overdue, complete := false, true
	for j := range levels {
		if !c.policy.Triggers[j].Input {
			continue
		}
		input, of := c.event(j), &c.decision.proposals[j]
		if input.newer(&e) {
			e.At, e.Ready, e.Current = input.At, input.Ready, input.Current
		}
		levels[j] = Level{Value: of.Level, Known: of.Known}
		overdue = overdue || of.Fallback
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
		overdue = overdue && complete
	}
	c.observeTrigger(i, &e, q, m, overdue)
}

// newer reports whether e is newer than another reading. Of two simultaneous readings, the one with more pods is.
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
