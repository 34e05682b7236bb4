package scalers

import (
	"math"
	"math/bits"
)

// measure is a level in the form that formula and tolerance need. level / (target × each) is the ratio of the level to what
// it should be; level / target × times is the number of replicas. The target is the trigger's.
type measure struct {
	level       Milli
	each, times int64
	// reversed is true when the usage that is assumed for pods without a sample reverses the direction, so that nothing changes.
	reversed bool
}

// measure returns the measure of a single level. For AverageValue the target counts once for each replica that there was;
// for Value the ratio is multiplied with the ready pods.
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

// multiplies reports whether the ratio is multiplied with the ready pods: for metric type Value, except at zero replicas,
// where there are none.
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

// formulaDetail explains a step of RuleFormula: the winner asks for ceil(level / target × times) replicas. For a step
// trigger, times is its base.
type formulaDetail struct {
	level, target Milli
	times         int64
}

// applyFormula sets the count to the result of the winner's formula, before tolerance.
func (c *chain) applyFormula() {
	if c.unknowns.all {
		return
	}
	m := &c.demand.measure
	c.decision.details.formula = formulaDetail{level: m.level, target: c.policy.Triggers[c.decision.Winner].Target, times: m.times}
	c.step(Step{Rule: RuleFormula, To: c.decision.Raw, Until: Never})
}
