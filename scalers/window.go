package scalers

import "time"

// applyStabilization holds the count between the lowest recommendation of the scale-up window and the highest of the
// scale-down window, each with the newest included. What is held because of an unknown is no recommendation. A is the
// window, B the recommendation that holds.
func (c *chain) applyStabilization() {
	c.remember()
	if c.holds() {
		return
	}
	low, high := c.demand, c.demand
	if n, ok := oldest(c.memory.Lows, c.now, c.policy.Up.Window); ok {
		low = min(low, n)
	}
	if n, ok := oldest(c.memory.Highs, c.now, c.policy.Down.Window); ok {
		high = max(high, n)
	}
	to := min(max(c.base, low), high)
	switch {
	case to > c.demand:
		c.hold(to, high, c.policy.Down.Window, lastWhere(c.memory.Highs, func(n int32) bool { return n >= to }))
	case to < c.demand:
		c.hold(to, low, c.policy.Up.Window, lastWhere(c.memory.Lows, func(n int32) bool { return n <= to }))
	}
}

// hold keeps the number at to until the last record that forbids more leaves the window.
func (c *chain) hold(to, extreme int32, window time.Duration, last Instant) {
	until := last.Add(window)
	c.wake(until)
	c.step(Step{Rule: RuleStabilization, To: to, Until: until, A: int64(window), B: int64(extreme)})
}

// oldest returns the count of the oldest record that is still in the window: the extreme one, as each later one is less
// extreme. A record leaves at its end + window, exclusive.
func oldest(records []Record, now Instant, window time.Duration) (int32, bool) {
	for i := range records {
		if now < records[i].End.Add(window) {
			return records[i].Count, true
		}
	}
	return 0, false
}

// lastWhere returns the end of the newest record whose count forbids more; each older one does, too.
func lastWhere(records []Record, forbids func(int32) bool) Instant {
	end := Instant(0)
	for i := range records {
		if !forbids(records[i].Count) {
			break
		}
		end = records[i].End
	}
	return end
}

// remember records the recommendation of this instant when a reading has arrived, and the current count at first sight.
func (c *chain) remember() {
	m := c.memory
	if !m.Seen {
		m.Seen = true
		*m = m.recommend(c.policy, c.now, c.now, c.current)
	}
	switch {
	case c.holds():
		m.stand()
	case c.arrived || !c.unknown && m.outdated(c.demand):
		end := c.now
		if c.continuous {
			end = Never
		}
		*m = m.recommend(c.policy, c.now, end, c.demand)
	}
}
