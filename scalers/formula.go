package scalers

import (
	"math"
	"math/bits"
)

// measure is a reading in the form that formula and tolerance need: level / (target × each) is the ratio between what is
// and what is meant to be, and level / target × times are the replicas.
type measure struct {
	level       Milli
	each, times int64
	// turned: what was assumed of pods without a sample points the other way, so nothing changes.
	turned bool
}

// measure is that of a single level. For AverageValue the target is meant once for each replica there was; for Value the
// ratio is multiplied with the ready pods.
func (t *Trigger) measure(e *Event) measure {
	switch {
	case t.multiplies(e):
		return measure{level: e.Value, each: 1, times: int64(e.Ready)}
	case t.Metric == Value:
		return measure{level: e.Value, each: 1, times: 1}
	default:
		return measure{level: e.Value, each: int64(e.Current), times: 1}
	}
}

// multiplies reports whether the ratio is multiplied with the ready pods: metric type Value, but at zero replicas, where
// there is nothing to multiply with.
func (t *Trigger) multiplies(e *Event) bool {
	return t.Metric == Value && !t.Exact && e.Current > 0
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

// applyFormula makes the winner's raw answer the number. A and B are its level and target, C what the ratio is multiplied
// with: the ready pods, or all that a per-pod reading fills in.
func (c *chain) applyFormula() {
	if c.blind {
		return
	}
	c.step(Step{
		Rule: RuleFormula, To: c.decision.Raw, Until: Never,
		A: int64(c.measure.level), B: int64(c.policy.Triggers[c.decision.Winner].Target), C: c.measure.times,
	})
}
