package scalers

// applyActivation wakes a resting workload at once when a trigger is active: no window, policy or tolerance speaks to
// that, and the same decision goes on from there. A is the first active trigger's index.
func (c *chain) applyActivation() {
	c.resting = c.policy.Rest >= 0 && c.base <= c.policy.Rest
	if c.resting && c.decision.Active {
		c.resting = false
		c.step(Step{Rule: RuleActivation, To: c.policy.working(), Until: Never, A: int64(c.awake)})
		c.base = c.count
	}
}

// applyRest keeps a resting workload at rest while nothing is active, whatever inactive triggers ask for, and lets a
// working one go there once the cooldown is over: past the windows, but not past the rate policies. Before, it stays at
// its working count. While some trigger is unknown nobody can say that nothing is active, so nothing goes to rest.
// A is the cooldown that applies; B is 1 when it counts from the creation because nothing has ever been active.
func (c *chain) applyRest() {
	p := c.policy
	c.rememberActivity()
	if p.Rest < 0 || c.decision.Active {
		return
	}
	if c.resting {
		c.lowest = p.Rest
		c.step(Step{Rule: RuleIdle, To: p.Rest, Until: Never})
		c.settle()
		return
	}
	if c.unknown {
		return
	}
	step := Step{Rule: RuleCooldown, A: int64(p.Cooldown), Until: c.memory.LastActive.Add(p.Cooldown)}
	if c.memory.LastActive == 0 {
		step.A, step.B, step.Until = int64(p.InitialCooldown), 1, p.Created.Add(p.InitialCooldown)
	}
	if c.now < step.Until {
		c.wake(step.Until)
		if c.count < p.working() {
			step.To = p.working()
			c.step(step)
		}
		return
	}
	c.goToRest(step)
}

// goToRest moves the number to the resting count, or as far as the rate policies let it.
func (c *chain) goToRest(step Step) {
	c.lowest = c.policy.Rest
	a := c.allowance(&c.policy.Down, -1)
	if a.count <= c.policy.Rest {
		step.To, step.Until = c.policy.Rest, Never
		c.step(step)
		c.settle()
		return
	}
	if a.count != c.count {
		step.To, step.Until = c.policy.Rest, Never
		c.step(step)
	}
	c.limit(a)
}

// rememberActivity keeps the last instant at which a trigger was active: a sampled one at its readings, a continuous one
// until it is replaced.
func (c *chain) rememberActivity() {
	m := c.memory
	if m.ActiveStands && !c.activeStands {
		m.LastActive = max(m.LastActive, c.now)
	}
	m.ActiveStands = c.activeStands
	m.LastActive = max(m.LastActive, min(c.activeAt, c.now))
}
