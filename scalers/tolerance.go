package scalers

import "math/bits"

// one is 100 % in the millionths of Behavior.Tolerance.
const one = 1_000_000

// maxShare bounds 1 + tolerance, so that a count times it fits.
const maxShare = 1<<32 - 1

// tolerate keeps the count that the reading was true of while the level is within the tolerance of its target, both
// edges included. It never lets a level above its target lower, nor one below it raise.
func (p *Policy) tolerate(t *Trigger, e *Event, raw int32) int32 {
	if t.Exact || e.Current <= 0 {
		return raw
	}
	switch t.compare(e, one) {
	case 0:
		return e.Current
	case 1:
		if t.compare(e, min(one+min(p.Up.Tolerance, maxShare), maxShare)) <= 0 {
			return e.Current
		}
		return max(raw, e.Current)
	default:
		if t.compare(e, max(one-p.Down.Tolerance, 0)) >= 0 {
			return e.Current
		}
		return min(raw, e.Current)
	}
}

// compare compares a level with share millionths of what it is meant to be, exactly: 1 when it is above, -1 when it is
// below. Meant is the target, for AverageValue once for each replica there was.
func (t *Trigger) compare(e *Event, share int64) int {
	n := uint64(1)
	if t.Metric == AverageValue {
		n = uint64(e.Current)
	}
	hi, lo := bits.Mul64(uint64(e.Value), one)
	meantHi, meantLo := bits.Mul64(uint64(t.Target), n*uint64(share))
	switch {
	case hi == meantHi && lo == meantLo:
		return 0
	case hi > meantHi || hi == meantHi && lo > meantLo:
		return 1
	default:
		return -1
	}
}

// applyTolerance makes the maximum over the triggers after tolerance the number. A and B are the tolerances up and down, C
// compares the winner's level with its target.
func (c *chain) applyTolerance() {
	if c.blind || c.demand == c.count {
		return
	}
	side := c.policy.Triggers[c.decision.Winner].compare(&c.events[c.decision.Winner], one)
	c.step(Step{Rule: RuleTolerance, To: c.demand, Until: Never, A: c.policy.Up.Tolerance, B: c.policy.Down.Tolerance, C: int64(side)})
}
