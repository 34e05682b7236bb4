package scalers

// activationDetail explains a step of RuleActivation.
type activationDetail struct {
	// trigger is the index of the first active trigger; -1 when the workload is active without one.
	trigger int
}

// applyActivation starts an idle workload at once when a trigger is active: no window, rate policy or tolerance delays it.
// The later stages go on from there.
func (c *chain) applyActivation() {
	c.count.idle = c.policy.idleAt(c.count.current)
	if c.count.idle && c.decision.Active {
		c.count.idle = false
		c.decision.details.activation = activationDetail{trigger: c.activity.first}
		c.step(Step{Rule: RuleActivation, To: c.policy.activeMin(), Until: Never})
	}
}

// idleAt reports whether a workload with so many replicas is idle.
func (p *Policy) idleAt(replicas int32) bool { return p.Idle >= 0 && replicas <= p.Idle }
