package scalers

// applyUnknown keeps the count while some trigger is unknown and the others ask for less: unknown may raise, never lower.
// A is the first unknown trigger's index, B why it is unknown.
func (c *chain) applyUnknown() {
	if c.holds() {
		c.step(Step{Rule: RuleUnknown, To: c.base, Until: Never, A: int64(c.culprit), B: int64(c.why())})
	}
}

// holds reports whether nothing is recommended because of what is unknown.
func (c *chain) holds() bool { return c.blind || c.unknown && c.demand < c.base }

// why is the reason of the first unknown trigger.
func (c *chain) why() Unknown {
	if c.culprit < 0 || c.culprit >= MaxTriggers {
		return None
	}
	return c.decision.proposals[c.culprit].Why
}
