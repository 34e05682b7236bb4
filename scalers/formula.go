package scalers

import (
	"math"
	"math/bits"
)

// multiplies reports whether the ratio is multiplied with the ready pods: metric type Value, but at zero replicas, where
// there is nothing to multiply with.
func (t *Trigger) multiplies(e *Event) bool {
	return t.Metric == Value && !t.Exact && e.Current > 0
}

// formula is the HPA's: replicas = ceil(level / target) for AverageValue, ceil(level / target × ready) for Value.
func (t *Trigger) formula(e *Event) int32 {
	if t.multiplies(e) {
		return ceilDiv(e.Value, int64(e.Ready), t.Target)
	}
	return ceilDiv(e.Value, 1, t.Target)
}

// ceilDiv returns ceil(a × n / b), saturating at the largest count; a, n >= 0, b > 0.
func ceilDiv(a Milli, n int64, b Milli) int32 {
	hi, lo := bits.Mul64(uint64(a), uint64(n))
	if hi >= uint64(b) {
		return math.MaxInt32
	}
	quo, rem := bits.Div64(hi, lo, uint64(b))
	if rem > 0 && quo < math.MaxInt32 {
		quo++
	}
	return int32(min(quo, math.MaxInt32))
}

// applyFormula makes the winner's raw answer the number. A and B are its level and target, C the ready pods.
func (c *chain) applyFormula() {
	if c.blind {
		return
	}
	e := &c.events[c.decision.Winner]
	c.step(Step{
		Rule: RuleFormula, To: c.decision.Raw, Until: Never,
		A: int64(e.Value), B: int64(c.policy.Triggers[c.decision.Winner].Target), C: int64(e.Ready),
	})
}
