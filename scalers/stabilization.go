package scalers

import "time"

// stabilizationDetail explains a step of RuleStabilization.
type stabilizationDetail struct {
	window time.Duration
	// extreme is the recommendation in the window that limits the count: the highest or the lowest.
	extreme int32
}

// applyStabilization keeps the count between the lowest recommendation in the scale-up window and the highest in the
// scale-down window; the demand of this decision is in both. A count that is kept because of an unknown level is no
// recommendation.
func (c *chain) applyStabilization() {
	c.recordRecommendation()
	if c.blockedByUnknown() {
		return
	}
	demand, m, p := c.demand.replicas, c.memory, c.policy
	low, high := demand, demand
	if n, ok := oldest(m.Lows, c.now, p.Up.Window); ok {
		low = min(low, n)
	}
	if n, ok := oldest(m.Highs, c.now, p.Down.Window); ok {
		high = max(high, n)
	}
	to := min(max(c.count.base, low), high)
	switch {
	case to > demand:
		last := lastWhere(m.Highs, func(n int32) bool { return n >= to })
		c.stabilize(to, last, stabilizationDetail{window: p.Down.Window, extreme: high})
	case to < demand:
		last := lastWhere(m.Lows, func(n int32) bool { return n <= to })
		c.stabilize(to, last, stabilizationDetail{window: p.Up.Window, extreme: low})
	}
}

// stabilize keeps the count at to until last, the end of the last recommendation that forbids more, leaves the window.
func (c *chain) stabilize(to int32, last Instant, detail stabilizationDetail) {
	until := last.Add(detail.window)
	c.wakeAt(until)
	c.decision.details.stabilization = detail
	c.step(Step{Rule: RuleStabilization, To: to, Until: until})
}

// oldest returns the count of the oldest record in the window. It is the extreme one, as each later record is less extreme.
// A record leaves the window at its end + window, exclusive.
func oldest(records []Record, now Instant, window time.Duration) (int32, bool) {
	for i := range records {
		if now < records[i].End.Add(window) {
			return records[i].Count, true
		}
	}
	return 0, false
}

// lastWhere returns the end of the newest record whose count forbids more. Every older record forbids it, too.
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

// recordRecommendation records the demand of this decision when a reading has arrived, and the current count in the first
// decision on a workload.
func (c *chain) recordRecommendation() {
	m := c.memory
	if !m.Seen {
		m.Seen = true
		*m = m.recommend(c.policy, c.now, c.now, c.count.current)
	}
	switch {
	case c.blockedByUnknown():
		m.extendLast()
	case c.arrived || !c.unknowns.any && m.outdated(c.demand.replicas):
		end := c.now
		if c.demand.continuous {
			end = Never
		}
		*m = m.recommend(c.policy, c.now, end, c.demand.replicas)
	}
}
