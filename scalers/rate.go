package scalers

import (
	"math"
	"time"
)

// applyRate keeps the change within what the policies of its direction allow in their periods. A is the index of the
// policy that spoke, -1 when the direction is disabled; B is the count at the start of its period.
func (c *chain) applyRate() {
	switch {
	case c.count > c.base:
		if a := c.allowance(&c.policy.Up, +1); c.count > a.count {
			c.limit(a)
		}
	case c.count < c.base:
		if a := c.allowance(&c.policy.Down, -1); c.count < a.count {
			c.limit(a)
		}
	}
}

// limit moves the number back to what is allowed.
func (c *chain) limit(a allowance) {
	c.wake(a.changes)
	c.refill = min(c.refill, a.refill)
	c.step(Step{Rule: RuleRate, To: a.count, Until: min(a.changes, a.refill), A: int64(a.policy), B: a.start})
}

// allowance is how far a direction's policies let the count go now.
type allowance struct {
	count int32
	// policy is the index of the one that spoke, start the count at the start of its period.
	policy int
	start  int64
	// changes is when the first write in a period is forgotten, refill when a write of this instant will be.
	changes, refill Instant
}

// allowance asks the policies of a direction. Select Max takes the one that allows the largest change, Min the smallest.
func (c *chain) allowance(b *Behavior, direction int64) allowance {
	if b.Select == Disabled {
		return allowance{count: c.base, policy: -1, changes: Never, refill: Never}
	}
	if len(b.Policies) == 0 {
		return allowance{count: int32(max(direction, 0)) * math.MaxInt32, changes: Never, refill: Never}
	}
	out := allowance{changes: Never, refill: Never}
	furthest, start := int64(0), int64(0)
	for i := range b.Policies {
		r := &b.Policies[i]
		if i == 0 || r.Period != b.Policies[i-1].Period {
			start = c.startOf(r.Period, direction, &out)
		}
		reach := r.reach(start, direction)
		if i == 0 || ((reach-furthest)*direction > 0) == (b.Select == Max) {
			furthest, out.policy, out.start = reach, i, start
		}
	}
	if direction > 0 {
		out.count = int32(min(max(furthest, int64(c.base)), math.MaxInt32))
	} else {
		out.count = int32(max(min(furthest, int64(c.base)), 0))
	}
	return out
}

// startOf is the count at the start of a period, as far as our own writes account for it. It takes note of when the first
// of those writes is forgotten, and wakes when the first one the other way is: until then it widens what is allowed.
func (c *chain) startOf(period time.Duration, direction int64, a *allowance) int64 {
	a.refill = min(a.refill, c.now.Add(period))
	recent := c.memory.since(c.now.back(period))
	if len(recent) == 0 {
		return int64(c.base)
	}
	a.changes = min(a.changes, recent[0].At.Add(period))
	start, narrows := int64(c.base), Never
	for i := range recent {
		by := int64(recent[i].By)
		start -= by
		if by*direction < 0 {
			narrows = min(narrows, recent[i].At)
		}
	}
	c.wake(narrows.Add(period))
	return min(max(start, -math.MaxInt32), math.MaxInt32)
}

// reach is how far one policy lets the count go from start. A percentage up is rounded up, one down is rounded down, so
// that it keeps fewer.
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
