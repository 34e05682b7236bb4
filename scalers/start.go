package scalers

// applyStart puts a count outside the limits to the bound, and lifts a resting workload that has become active, before
// anything else: no window, policy, tolerance or unknown speaks to either.
func applyStart(c *chain) {
	p := c.policy
	c.count = c.base
	c.resting = p.Rest >= 0 && c.base < p.working()
	switch {
	case p.Paused.Fixed || p.Paused.Keep:
	case c.resting && c.decision.Active:
		c.step(RuleActivation, p.working(), Never, 0, 0)
		c.resting = false
	case c.base > p.Max:
		c.step(RuleMax, p.Max, Never, int64(p.Max), 0)
	case c.base < p.Min && !c.resting:
		c.step(RuleMin, p.Min, Never, int64(p.Min), 0)
	}
	c.base = c.count
}
