package scalers

import (
	"cmp"
	"errors"
)

// Level is what a formula sees of a trigger: its level, or that it has none.
type Level struct {
	Value Milli
	// Known is false while the trigger is unknown, and for one that is no input: to the formula it is missing.
	Known bool
}

// errIncomplete says that a formula cannot be asked yet.
var errIncomplete = errors.New("an input is unknown")

// compose computes the level of the trigger with a formula, from those of its inputs as they are now, and takes it as a
// reading of the newest of them. So it changes when an input does, and is no reading of its own: nothing has arrived by it.
//
// An input that is unknown is missing to the formula: at once when the policy has no fallback, and else, with
// FallbackScalingModifiers, when it has failed often enough. With another fallback, or before, the formula is not asked. Nor
// is it before each input has been read: nobody knows that one is missing before it could speak.
func (c *chain) compose(i int) {
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
	if c.policy.leavesToFormula() {
		overdue = overdue && complete
	}
	c.hear(i, &e, q, m, overdue)
}

// newer reports whether a reading is the newer of two; of simultaneous ones, that with more pods.
func (e *Event) newer(than *Event) bool {
	if order := cmp.Or(cmp.Compare(e.At, than.At), cmp.Compare(e.Ready, than.Ready)); order != 0 {
		return order > 0
	}
	return e.Current > than.Current
}

// missing reports whether an input that is unknown is missing to the formula.
func (p *Policy) missing(input *Proposal) bool {
	if p.Fallback == nil {
		return input.Why != NotRead
	}
	return input.Fallback && p.leavesToFormula()
}

// leavesToFormula reports whether the formula itself is the fallback.
func (p *Policy) leavesToFormula() bool {
	return p.Fallback != nil && p.Fallback.Behavior == FallbackScalingModifiers
}
