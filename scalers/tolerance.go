package scalers

import "math/bits"

// one is 100 % in the millionths of Behavior.Tolerance.
const one = 1_000_000

// tolerate keeps the count that the reading was true of while the level is within the tolerance of its target, edges
// included; and never lets a level above its target lower, or one below it raise.
func (p *Policy) tolerate(t *Trigger, e *Event, raw int32) int32 {
	if t.Exact || e.Current <= 0 {
		return raw
	}
	// The level that the count at the reading is meant to carry.
	meant := int64(1)
	if t.Metric == AverageValue {
		meant = int64(e.Current)
	}
	switch compare(int64(e.Value), one, int64(t.Target), meant) {
	case 0:
		return e.Current
	case 1:
		if compare(int64(e.Value), one, int64(t.Target), meant, one+p.Up.Tolerance) <= 0 {
			return e.Current
		}
		return max(raw, e.Current)
	default:
		if compare(int64(e.Value), one, int64(t.Target), meant, one-p.Down.Tolerance) >= 0 {
			return e.Current
		}
		return min(raw, e.Current)
	}
}

// compare compares value × unit with target × n × part; part is unit when left out. All are >= 0; nothing overflows.
func compare(value, unit, target, n int64, part ...int64) int {
	share := unit
	if len(part) > 0 {
		share = max(part[0], 0)
	}
	leftHi, leftLo := bits.Mul64(uint64(value), uint64(unit))
	// target × n may not fit; n is a count below 2^31 and share below 2^21, so n × share does.
	rightHi, rightLo := bits.Mul64(uint64(target), uint64(n*share))
	switch {
	case leftHi != rightHi:
		return sign(leftHi > rightHi)
	case leftLo != rightLo:
		return sign(leftLo > rightLo)
	default:
		return 0
	}
}

func sign(greater bool) int {
	if greater {
		return 1
	}
	return -1
}

// applyTolerance makes the maximum over triggers after tolerance the number.
func applyTolerance(c *chain) {
	if !c.blind {
		c.step(RuleTolerance, c.demand, Never, c.policy.Up.Tolerance, c.policy.Down.Tolerance)
	}
}
