package scalers

// Rule names a step of the chain, as shown to users in `limitedBy`.
type Rule uint8

// The rules in the order of the chain.
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

	ruleCount
)

// String returns the rule's name as users write and read it.
func (r Rule) String() string {
	names := [ruleCount]string{
		"formula", "tolerance", "unknown", "fallback", "stabilization", "rate", "activation", "cooldown", "idle",
		"minReplicaCount", "maxReplicaCount", "paused",
	}
	if r < ruleCount {
		return names[r]
	}
	return "?"
}

// Step is one rule that changed the number. Its sentence is rendered only when somebody reads it (Policy.Sentence).
type Step struct {
	Rule     Rule
	From, To int32
	// Until is when the rule may stop holding the number back with no new event; Never when only an event can end it.
	Until Instant
	// A, B and C are the rule's own numbers; the rule's file says which.
	A, B, C int64
}
