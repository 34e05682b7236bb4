package scalers

// applyLimits keeps the number within the maximum and the minimum, or the resting count where a workload rests.
func applyLimits(c *chain) {
	if c.count < c.low {
		c.step(RuleMin, c.low, Never, int64(c.low), 0)
	}
	if c.count > c.policy.Max {
		c.step(RuleMax, c.policy.Max, Never, int64(c.policy.Max), 0)
	}
}
