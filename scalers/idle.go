package scalers

import "time"

// cooldownDetail explains a step of RuleCooldown.
type cooldownDetail struct {
	// cooldown is the one that applies: Policy.InitialCooldown while no trigger has ever been active.
	cooldown time.Duration
	// sinceCreation is true when it counts from Policy.Created, and not from the last active instant.
	sinceCreation bool
	// end is when it is over.
	end Instant
}

// applyIdle applies the idle count while no trigger is active. An idle workload stays idle, whatever its inactive triggers
// ask for. A running one becomes idle once the cooldown is over: stabilization windows do not delay that, rate policies do.
// Until then it keeps at least its minimum. While a trigger that signals activity is unknown, no workload becomes idle.
func (c *chain) applyIdle() {
	switch {
	case c.policy.Idle < 0 || c.decision.Active:
	case c.count.idle:
		c.count.lowest = c.policy.Idle
		c.step(Step{Rule: RuleIdle, To: c.policy.Idle, Until: Never})
		c.wakeOnlyForReadings()
	case c.mayBecomeIdle():
		c.becomeIdle()
	case !c.unknowns.activity:
		detail := c.cooldown()
		c.wakeAt(detail.end)
		if c.count.value < c.policy.activeMin() {
			c.decision.details.cooldown = detail
			c.step(Step{Rule: RuleCooldown, To: c.policy.activeMin(), Until: detail.end})
		}
	}
}

// cooldown returns the cooldown that applies.
func (c *chain) cooldown() cooldownDetail {
	p, last := c.policy, c.memory.LastActive
	if last == 0 {
		return cooldownDetail{cooldown: p.InitialCooldown, sinceCreation: true, end: p.Created.Add(p.InitialCooldown)}
	}
	return cooldownDetail{cooldown: p.Cooldown, end: last.Add(p.Cooldown)}
}

// mayBecomeIdle reports whether the workload has an idle count, no trigger is active, and the cooldown is over.
func (c *chain) mayBecomeIdle() bool {
	return c.policy.Idle >= 0 && !c.decision.Active && !c.unknowns.activity && c.now >= c.cooldown().end
}

// becomeIdle moves the count to the idle count, or as far as the rate policies allow.
func (c *chain) becomeIdle() {
	c.count.lowest = c.policy.Idle
	c.wakeOnlyForReadings()
	a := c.allowance(&c.policy.Down, -1)
	if to := max(a.count, c.policy.Idle); to != c.count.value {
		c.decision.details.cooldown = c.cooldown()
		c.step(Step{Rule: RuleCooldown, To: c.policy.Idle, Until: Never})
	}
	if a.count > c.policy.Idle {
		c.limitRate(a, true)
	}
}
