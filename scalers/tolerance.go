package scalers

import "math/bits"

// one is 100 % in the millionths of Behavior.Tolerance.
const one = 1_000_000

// maxShare bounds 1 + tolerance, so that a count times it fits.
const maxShare = 1<<32 - 1

// turned is what applyTolerance says of a level whose direction was turned by what had to be assumed of pods.
const turned = 2

// tolerate keeps the count that the reading was true of while the level is within the tolerance of its target, both
// edges included. It never lets a level above its target lower, nor one below it raise.
func (p *Policy) tolerate(t *Trigger, current int32, m measure, raw int32) int32 {
	if t.Exact || current <= 0 {
		return raw
	}
	if m.turned {
		return current
	}
	switch m.compare(t.Target, one) {
	case 0:
		return current
	case 1:
		if m.compare(t.Target, min(one+min(p.Up.Tolerance, maxShare), maxShare)) <= 0 {
			return current
		}
		return max(raw, current)
	default:
		if m.compare(t.Target, max(one-p.Down.Tolerance, 0)) >= 0 {
			return current
		}
		return min(raw, current)
	}
}

// compare compares the level with share millionths of what it is meant to be, exactly: 1 when it is above, -1 when it is
// below.
func (m measure) compare(target Milli, share int64) int {
	hi, lo := bits.Mul64(uint64(m.level), one)
	meantHi, meantLo := bits.Mul64(uint64(target), uint64(m.each)*uint64(share))
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
	side := c.measure.compare(c.policy.Triggers[c.decision.Winner].Target, one)
	if c.measure.turned {
		side = turned
	}
	c.step(Step{Rule: RuleTolerance, To: c.demand, Until: Never, A: c.policy.Up.Tolerance, B: c.policy.Down.Tolerance, C: int64(side)})
}
