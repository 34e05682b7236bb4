package scalers

import "math"

// applyRate keeps the change within what the policies of its direction allow in their periods.
func applyRate(c *chain) {
	if c.blind {
		return
	}
	c.limitRate(RuleRate)
}

// limitRate moves the number back to the furthest count that the rate policies allow from the base.
func (c *chain) limitRate(rule Rule) {
	switch {
	case c.count > c.base:
		if bound, until := c.bound(&c.policy.Up, +1); c.count > bound {
			c.wake(until)
			c.step(rule, bound, until, int64(bound), 0)
		}
	case c.count < c.base:
		if bound, until := c.bound(&c.policy.Down, -1); c.count < bound {
			c.wake(until)
			c.step(rule, bound, until, int64(bound), 0)
		}
	}
}

// bound is the furthest count that a direction's policies allow now, and the instant at which they may allow more.
func (c *chain) bound(b *Behavior, direction int64) (int32, Instant) {
	if b.Select == Disabled {
		return c.base, Never
	}
	if len(b.Policies) == 0 {
		if direction > 0 {
			return math.MaxInt32, Never
		}
		return 0, Never
	}
	until := Never
	best := int64(0)
	for i := range b.Policies {
		limit, ends := c.allows(&b.Policies[i], direction)
		until = min(until, ends)
		// Furthest is largest on the way up and smallest on the way down.
		further := (limit-best)*direction > 0
		if i == 0 || further == (b.Select == Max) {
			best = limit
		}
	}
	if direction > 0 {
		return int32(min(max(best, int64(c.base)), math.MaxInt32)), until
	}
	return int32(max(min(best, int64(c.base)), 0)), until
}

// allows is the count that one policy allows, and when the first change in its period is forgotten. A write of the bound
// itself is forgotten a period from now.
func (c *chain) allows(r *RatePolicy, direction int64) (int64, Instant) {
	start, until := int64(c.in.Current), c.in.Now.Add(r.Period)
	for i := range c.memory.Changes {
		e := &c.memory.Changes[i]
		ends := e.At.Add(r.Period)
		if c.in.Now >= ends {
			continue
		}
		start -= int64(e.By)
		until = min(until, ends)
	}
	if !r.Percent {
		return start + direction*int64(r.Amount), until
	}
	// Up is rounded up; down is rounded down, so that it keeps fewer.
	part := start * (100 + direction*int64(r.Amount))
	limit := part / 100
	if direction > 0 && part%100 > 0 {
		limit++
	}
	return limit, until
}
