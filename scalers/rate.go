package scalers

import (
	"math"
	"time"
)

// rateDetail explains a step of RuleRate.
type rateDetail struct {
	// policy is the index of the rate policy that limits; -1 when the direction is disabled.
	policy int
	// start is the count at the start of that policy's period.
	start int64
}

// applyRate keeps the change within what the rate policies of its direction allow in their periods.
func (c *chain) applyRate() {
	switch {
	case c.count.value > c.count.base:
		if a := c.allowance(&c.policy.Up, +1); c.count.value > a.count {
			c.limitRate(a, false)
		}
	case c.count.value < c.count.base:
		if a := c.allowance(&c.policy.Down, -1); c.count.value < a.count {
			c.limitRate(a, false)
		}
	}
}

// limitRate moves the count back to what is allowed. second: see Step.second.
func (c *chain) limitRate(a allowance, second bool) {
	c.wakeAt(a.changes)
	c.timer.refill = min(c.timer.refill, a.refill)
	s := Step{Rule: RuleRate, second: second, To: a.count, Until: min(a.changes, a.refill)}
	*c.decision.details.rateOf(s) = rateDetail{policy: a.policy, start: a.start}
	c.step(s)
}

// allowance is the count up to which the rate policies of a direction allow a change now.
type allowance struct {
	count int32
	// policy and start: see rateDetail.
	policy int
	start  int64
	// changes is the instant at which the first write leaves its period, refill that at which a write made now does.
	changes, refill Instant
}

// allowance evaluates the rate policies of a direction, +1 or -1. Select Max takes the one that allows the largest change,
// Min the smallest.
func (c *chain) allowance(b *Behavior, direction int64) allowance {
	if b.Select == Disabled {
		return allowance{count: c.count.base, policy: -1, changes: Never, refill: Never}
	}
	if len(b.Policies) == 0 {
		return allowance{count: int32(max(direction, 0)) * math.MaxInt32, changes: Never, refill: Never}
	}
	out := allowance{changes: Never, refill: Never}
	furthest, start := int64(0), int64(0)
	for i := range b.Policies {
		r := &b.Policies[i]
		if i == 0 || r.Period != b.Policies[i-1].Period {
			start = c.periodStart(r.Period, direction, &out)
		}
		reach := r.reach(start, direction)
		if i == 0 || ((reach-furthest)*direction > 0) == (b.Select == Max) {
			furthest, out.policy, out.start = reach, i, start
		}
	}
	if direction > 0 {
		out.count = int32(min(max(furthest, int64(c.count.base)), math.MaxInt32))
	} else {
		out.count = int32(max(min(furthest, int64(c.count.base)), 0))
	}
	return out
}

// periodStart returns the count at the start of a period that ends now, as far as Impulse's own writes account for it. It sets
// a.changes to the instant at which the first of those writes leaves the period, and a.refill to that of a write made now.
// Writes in the other direction allow a larger change, so a decision is due when the first of them leaves the period.
func (c *chain) periodStart(period time.Duration, direction int64, a *allowance) int64 {
	a.refill = min(a.refill, c.now.Add(period))
	recent := c.memory.since(c.now.back(period))
	if len(recent) == 0 {
		return int64(c.count.base)
	}
	a.changes = min(a.changes, recent[0].At.Add(period))
	start, narrows := int64(c.count.base), Never
	for i := range recent {
		by := int64(recent[i].By)
		start -= by
		if by*direction < 0 {
			narrows = min(narrows, recent[i].At)
		}
	}
	c.wakeAt(narrows.Add(period))
	return min(max(start, -math.MaxInt32), math.MaxInt32)
}

// reach returns how far a rate policy allows the count to go from start. Upwards a percentage is rounded up, downwards the
// remaining count is rounded down.
func (r *RatePolicy) reach(start, direction int64) int64 {
	if !r.Percent {
		return start + direction*int64(r.Amount)
	}
	part := start * (100 + direction*int64(r.Amount))
	reach := part / 100
	if direction > 0 && part%100 > 0 {
		reach++
	}
	return reach
}
