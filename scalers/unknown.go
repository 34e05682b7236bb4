package scalers

// applyUnknown keeps the count while some trigger is unknown and the others do not ask for more: unknown may raise, never
// lower.
func applyUnknown(c *chain) {
	if c.unknown && c.count < c.base {
		c.step(RuleUnknown, c.base, Never, 0, 0)
	}
}
