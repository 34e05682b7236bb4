package scalers

// applyRest keeps a workload at its resting count while nothing is active, and lets an inactive one go there once the
// cooldown has passed.
func applyRest(c *chain) {
	p := c.policy
	c.rememberActivity()
	if p.Rest < 0 || c.decision.Active {
		return
	}
	if c.unknown {
		// Nobody can say that nothing is active; nothing is lowered, and a resting workload is not woken by a guess.
		if c.resting {
			c.low = p.Rest
			c.step(RuleIdle, max(c.base, p.Rest), Never, int64(p.Rest), 0)
		}
		return
	}
	ends := c.restsAt()
	if !c.resting && c.in.Now < ends {
		c.wake(ends)
		if c.count < p.working() {
			c.step(RuleCooldown, p.working(), ends, millis(p.Cooldown), 0)
		}
		return
	}
	c.low = p.Rest
	c.step(RuleIdle, p.Rest, Never, int64(p.Rest), 0)
	c.limitRate(RuleRate)
}

// restsAt is the instant from which an inactive workload may rest.
func (c *chain) restsAt() Instant {
	if c.memory.LastActive == 0 {
		return c.policy.Created.Add(c.policy.InitialCooldown)
	}
	return c.memory.LastActive.Add(c.policy.Cooldown)
}

// rememberActivity keeps the last instant at which a trigger was active: a sampled one at its readings, a continuous one
// until it is replaced.
func (c *chain) rememberActivity() {
	m := &c.memory
	if m.ActiveStands || c.activeStands {
		m.LastActive = max(m.LastActive, c.in.Now)
	}
	m.ActiveStands = c.activeStands
	m.LastActive = max(m.LastActive, min(c.activeAt, c.in.Now))
}
