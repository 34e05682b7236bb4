package scalers

// applyPaused lets the user's hand be the strongest: an exact count, or no change, or none in one direction.
func (c *chain) applyPaused() {
	paused := &c.policy.Paused
	switch {
	case paused.Fixed:
		c.step(Step{Rule: RulePaused, To: max(paused.At, 0), Until: Never})
		c.settle()
	case paused.Keep:
		c.step(Step{Rule: RulePaused, To: c.current, Until: Never})
		c.settle()
	case paused.In && c.count < c.current, paused.Out && c.count > c.current:
		c.step(Step{Rule: RulePaused, To: c.current, Until: Never})
	}
}
