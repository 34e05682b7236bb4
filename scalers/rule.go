package scalers

// Rule names a step of the chain, as shown to users in `limitedBy`.
type Rule uint8

// The rules in the order in which they are applied.
const (
	RuleFormula Rule = iota
	RuleTolerance
	RuleUnknown
	RuleFallback
	RuleStabilization
	RuleRate
	RuleActivation
	RuleCooldown
	RuleIdle
	RuleMin
	RuleMax
	RulePaused
)

// String returns the rule's name as the documentation has it.
func (r Rule) String() string {
	names := [...]string{
		"formula", "tolerance", "unknown", "fallback", "stabilization", "rate", "activation", "cooldown", "idle",
		"minReplicaCount", "maxReplicaCount", "paused",
	}
	if int(r) < len(names) {
		return names[r]
	}
	return "?"
}

// Step is one rule that changed the number. Its sentence is rendered only when somebody reads it.
type Step struct {
	Rule     Rule
	From, To int32
	// Until is when the rule stops holding the number back, with no new event; Never when only an event can end it.
	Until Instant
	// A and B are the rule's own numbers; Sentence knows what they mean.
	A, B int64
}
