package scalers

// applyActivation wakes a resting workload at once when a trigger is active: no window, policy or tolerance speaks to
// that, and the same decision goes on from there. A is the first active trigger's index, or -1.
func (c *chain) applyActivation() {
	c.resting = c.policy.restsAt(c.base)
	if c.resting && c.decision.Active {
		c.resting = false
		c.step(Step{Rule: RuleActivation, To: c.policy.working(), Until: Never, A: int64(c.awake)})
		c.base = c.count
	}
}

// applyRest keeps a resting workload at rest while nothing is active, whatever inactive triggers ask for, and lets a
// working one go there once the cooldown is over: past the windows, but not past the rate policies. Before, it stays at
// its working count. While a trigger that tells activity is unknown nobody can say that nothing is active, so nothing goes to
// rest.
// A is the cooldown that applies; B is 1 when it counts from the creation because nothing has ever been active.
func (c *chain) applyRest() {
	switch {
	case c.policy.Idle < 0 || c.decision.Active:
	case c.resting:
		c.lowest = c.policy.Idle
		c.step(Step{Rule: RuleIdle, To: c.policy.Idle, Until: Never})
		c.settle()
	case c.cooled():
		c.goToRest()
	case !c.unsure:
		s := c.cooldown()
		c.wake(s.Until)
		if c.count < c.policy.working() {
			s.To = c.policy.working()
			c.step(s)
		}
	}
}

// cooldown is the step that waits for its end.
func (c *chain) cooldown() Step {
	p, last := c.policy, c.memory.LastActive
	if last == 0 {
		return Step{Rule: RuleCooldown, A: int64(p.InitialCooldown), B: 1, Until: p.Created.Add(p.InitialCooldown)}
	}
	return Step{Rule: RuleCooldown, A: int64(p.Cooldown), Until: last.Add(p.Cooldown)}
}

// cooled reports whether a workload may go to rest: it has a resting count, nothing is active, and the cooldown is over.
func (c *chain) cooled() bool {
	return c.policy.Idle >= 0 && !c.decision.Active && !c.unsure && c.now >= c.cooldown().Until
}

// goToRest moves the number to the resting count, or as far as the rate policies let it.
func (c *chain) goToRest() {
	c.lowest = c.policy.Idle
	c.settle()
	a := c.allowance(&c.policy.Down, -1)
	if to := max(a.count, c.policy.Idle); to != c.count {
		s := c.cooldown()
		s.To, s.Until = c.policy.Idle, Never
		c.step(s)
	}
	if a.count > c.policy.Idle {
		c.limit(a)
	}
}

// rememberActivity keeps the last instant at which a trigger was active: a sampled one at its readings, a continuous one
// until it is replaced.
func (c *chain) rememberActivity() {
	m := c.memory
	if m.ContinuousActive && !c.activeStands {
		m.LastActive = max(m.LastActive, c.now)
	}
	m.ContinuousActive, m.Active = c.activeStands, c.decision.Active
	m.LastActive = max(m.LastActive, min(c.activeAt, c.now))
}
