package scalers

// applyPaused lets the user's hand be the strongest: an exact count, or no change, or none in one direction.
func applyPaused(c *chain) {
	switch paused := &c.policy.Paused; {
	case paused.Fixed:
		c.step(RulePaused, paused.At, Never, int64(paused.At), 0)
	case paused.Keep, paused.In && c.count < c.in.Current, paused.Out && c.count > c.in.Current:
		c.step(RulePaused, c.in.Current, Never, 0, 0)
	}
}
