package scalers

// applyPaused applies the user's pause, which overrides every other rule: an exact count, no change, or no change in one
// direction.
func (c *chain) applyPaused() {
	paused, current := &c.policy.Paused, c.count.current
	switch {
	case paused.Fixed:
		c.step(Step{Rule: RulePaused, To: max(paused.At, 0), Until: Never})
		c.wakeOnlyForReadings()
	case paused.All:
		c.step(Step{Rule: RulePaused, To: current, Until: Never})
		c.wakeOnlyForReadings()
	case paused.In && c.count.value < current, paused.Out && c.count.value > current:
		c.step(Step{Rule: RulePaused, To: current, Until: Never})
	}
}
