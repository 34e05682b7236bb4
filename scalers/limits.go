package scalers

// applyLimits keeps the count within the maximum and the minimum. For a workload that is idle, the idle count is the least.
func (c *chain) applyLimits() {
	if c.count.value < c.count.lowest {
		c.step(Step{Rule: RuleMin, To: c.count.lowest, Until: Never})
	}
	if c.count.value > c.policy.Max {
		c.step(Step{Rule: RuleMax, To: c.policy.Max, Until: Never})
	}
}
