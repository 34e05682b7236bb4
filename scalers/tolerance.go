package scalers

import "math/bits"

// one is 100 % in the millionths of Behavior.Tolerance.
const one = 1_000_000

// maxShare bounds 1 + tolerance, in millionths, so that the product of a count and it fits into 64 bits.
const maxShare = 1<<32 - 1

// tolerate returns the count at the instant of the reading while the level is within the tolerance of its target, both edges
// included, and raw otherwise. A level above its target never lowers the count; one below its target never raises it.
func (p *Policy) tolerate(t *Trigger, current int32, m measure, raw int32) int32 {
	if t.Exact || current <= 0 {
		return raw
	}
	if m.reversed {
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

// compare compares the level with share millionths of the target level, exactly: 1 when it is above, -1 when it is below,
// 0 when it is equal.
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

// toleranceDetail explains a step of RuleTolerance.
type toleranceDetail struct {
	// up and down are the tolerances, in millionths.
	up, down int64
	// side is 1 when the winner's level is above its target, -1 when it is below, 0 when it is equal.
	side int
	// reversed: see measure.
	reversed bool
}

// applyTolerance makes the count the demand, which is the maximum over the triggers after tolerance.
func (c *chain) applyTolerance() {
	if c.unknowns.all || c.demand.replicas == c.count.value {
		return
	}
	m, p := &c.demand.measure, c.policy
	c.decision.details.tolerance = toleranceDetail{
		up: p.Up.Tolerance, down: p.Down.Tolerance,
		side: m.compare(p.Triggers[c.decision.Winner].Target, one), reversed: m.reversed,
	}
	c.step(Step{Rule: RuleTolerance, To: c.demand.replicas, Until: Never})
}
