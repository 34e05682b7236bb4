package scalers

// activeMin is the least count of a workload that is not idle.
func (p *Policy) activeMin() int32 {
	if p.Idle >= 0 {
		return max(p.Min, 1)
	}
	return p.Min
}

// applyBounds puts a count outside the limits to the limit. No window or rate policy delays that, and an unknown level does
// not prevent it. The later stages go on from there. A count below the minimum is not outside while rate policies slow its
// way to the idle count.
func (c *chain) applyBounds() {
	switch {
	case c.count.value > c.policy.Max:
		c.step(Step{Rule: RuleMax, To: c.policy.Max, Until: Never})
	case c.count.value < c.policy.activeMin() && !c.count.idle && !c.mayBecomeIdle():
		c.step(Step{Rule: RuleMin, To: c.policy.activeMin(), Until: Never})
	}
	c.count.base = c.count.value
}
