package scalers

import (
	"math"
	"math/bits"
)

// Proposal is what one trigger asks for, and whether it can be trusted.
type Proposal struct {
	// Known is false while the level is unknown: never read, failed, negative, stale, or Value with no ready pod.
	Known bool
	// Active is true when the level is above the activation value, strictly.
	Active bool
	// Raw is the formula's answer; Replicas is what is left of it after tolerance and its guard.
	Raw, Replicas int32
}

// Propose evaluates trigger i of the policy on a reading. It depends on what the reading was true of, not on what has
// become true since: neither our own write nor a pod becoming ready multiplies an old reading.
func (p *Policy) Propose(i int, e *Event, now Instant) Proposal {
	t := &p.Triggers[i]
	if e.At == 0 || e.Err != nil || e.Value < 0 || t.stale(e, now) {
		return Proposal{}
	}
	if t.Metric == Value && !t.Exact && e.Current > 0 && e.Ready <= 0 {
		return Proposal{}
	}
	q := Proposal{Known: true, Active: e.Value > t.Activation, Raw: t.formula(e)}
	q.Replicas = p.tolerate(t, e, q.Raw)
	return q
}

// stale reports whether a sampled reading is too old to be believed.
func (t *Trigger) stale(e *Event, now Instant) bool {
	return !t.Continuous && t.StaleAfter > 0 && now >= e.At.Add(t.StaleAfter)
}

// formula is the HPA's: replicas = ceil(level / target) for AverageValue, ceil(level / target × ready) for Value.
func (t *Trigger) formula(e *Event) int32 {
	if t.Metric == Value && !t.Exact && e.Current > 0 {
		return ceilDiv(e.Value, int64(e.Ready), t.Target)
	}
	return ceilDiv(e.Value, 1, t.Target)
}

// ceilDiv returns ceil(a × n / b), saturating at the largest count; a, n >= 0, b > 0.
func ceilDiv(a Milli, n int64, b Milli) int32 {
	if b <= 0 {
		return math.MaxInt32
	}
	hi, lo := bits.Mul64(uint64(a), uint64(n))
	if hi >= uint64(b) {
		return math.MaxInt32
	}
	quo, rem := bits.Div64(hi, lo, uint64(b))
	if rem > 0 {
		quo++
	}
	return int32(min(quo, math.MaxInt32))
}

// observe reads every event once: the proposals, who is active, what is unknown, and whether a reading has arrived since
// the last decision.
func (c *chain) observe() {
	known := 0
	newest := c.memory.Read
	for i := range c.policy.Triggers {
		e := &c.in.Events[i]
		if e.At > newest {
			newest = e.At
		}
		q := c.policy.Propose(i, e, c.in.Now)
		if q.Active {
			c.active(&c.policy.Triggers[i], e)
		}
		if !q.Known {
			c.unknown = true
			continue
		}
		if t := &c.policy.Triggers[i]; !t.Continuous && t.StaleAfter > 0 {
			c.wake(e.At.Add(t.StaleAfter))
		}
		known++
		c.propose(i, q)
	}
	c.blind = known == 0
	c.arrived = newest > c.memory.Read || !c.memory.Seen
	c.memory.Read = newest
	c.decision.Known = !c.unknown
}

// active takes note of an active trigger.
func (c *chain) active(t *Trigger, e *Event) {
	c.decision.Active = true
	if t.Continuous {
		c.activeStands = true
	} else {
		c.activeAt = max(c.activeAt, e.At)
	}
}

// propose takes a trigger's proposal into the maximum; ties go to the first.
func (c *chain) propose(i int, q Proposal) {
	t := &c.policy.Triggers[i]
	if c.decision.Winner < 0 || q.Replicas > c.demand {
		c.decision.Winner, c.decision.Raw = i, q.Raw
		c.demand, c.continuous = q.Replicas, t.Continuous
	}
}

// applyFormula makes the winner's raw answer the number.
func applyFormula(c *chain) {
	if c.blind {
		return
	}
	e := &c.in.Events[c.decision.Winner]
	c.step(RuleFormula, c.decision.Raw, Never, int64(e.Value), int64(c.policy.Triggers[c.decision.Winner].Target))
}
