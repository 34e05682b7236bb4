package scalers

// working is the least count of a workload that is not at rest.
func (p *Policy) working() int32 {
	if p.Idle >= 0 {
		return max(p.Min, 1)
	}
	return p.Min
}

// applyBounds puts a count outside the limits to the bound first, and the same decision goes on from there: no window or
// policy speaks to that, and what is unknown does not hold it. A count below the minimum is not outside while rate policies
// slow its way to rest.
func (c *chain) applyBounds() {
	switch {
	case c.base > c.policy.Max:
		c.step(Step{Rule: RuleMax, To: c.policy.Max, Until: Never})
	case c.base < c.policy.working() && !c.resting && !c.cooled():
		c.step(Step{Rule: RuleMin, To: c.policy.working(), Until: Never})
	}
	c.base = c.count
}

// applyLimits keeps the number within the maximum and the minimum, or the resting count where a workload rests.
func (c *chain) applyLimits() {
	if c.count < c.lowest {
		c.step(Step{Rule: RuleMin, To: c.lowest, Until: Never})
	}
	if c.count > c.policy.Max {
		c.step(Step{Rule: RuleMax, To: c.policy.Max, Until: Never})
	}
}
