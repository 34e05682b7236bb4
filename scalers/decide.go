package scalers

// Input is all that a decision is taken from, besides the policy.
type Input struct {
	Now Instant
	// Current is the target's spec.replicas now.
	Current int32
	// Events holds the latest reading of each of Policy.Triggers, in the same order.
	Events []Event
	// Memory is what the last decision handed back. Decide consumes it, as append consumes its first argument: use
	// Decision.Memory afterwards, and Clone before when both are needed.
	Memory Memory
}

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

// Step is one rule that changed the number. Its sentence is rendered only when somebody reads it.
type Step struct {
	Rule     Rule
	From, To int32
	// Until is when the rule stops holding the number back, with no new event; Never when only an event can.
	Until Instant
	// A and B are the rule's own numbers, in thousandths where they are quantities; Sentence knows what they mean.
	A, B int64
}

// Proposal is what one trigger asks for.
type Proposal struct {
	// Known is false while the trigger's level is unknown.
	Known  bool
	Active bool
	// Raw is the formula's answer before tolerance; Replicas after it.
	Raw, Replicas int32
}

// MaxTriggers bounds the triggers of one workload.
const MaxTriggers = 32
