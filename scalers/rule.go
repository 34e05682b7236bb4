package scalers

// Rule names a rule that can change the count. Users read it in `limitedBy` and in status.history.
type Rule uint8

// The rules in the order in which [Decision.LimitedBy] lists them. They are applied in the order of the package
// documentation, which differs in two points: RuleActivation comes first of all, and RuleMin and RuleMax are applied twice.
const (
	// RuleFormula sets the count to the result of the winner's formula.
	RuleFormula Rule = iota
	// RuleTolerance keeps the count while the winner's level is close to its target.
	RuleTolerance
	// RuleUnknown keeps the count while a trigger is unknown and the others ask for less.
	RuleUnknown
	// RuleFallback applies the user's fallback for triggers that keep failing.
	RuleFallback
	// RuleStabilization keeps the count within the recommendations of the stabilization windows.
	RuleStabilization
	// RuleRate limits the change to what the rate policies allow.
	RuleRate
	// RuleActivation starts an idle workload.
	RuleActivation
	// RuleCooldown keeps an inactive workload running until its cooldown is over, and then makes it idle.
	RuleCooldown
	// RuleIdle keeps an idle workload at its idle count.
	RuleIdle
	// RuleMin raises the count to the minimum.
	RuleMin
	// RuleMax lowers the count to the maximum.
	RuleMax
	// RulePaused applies the user's pause.
	RulePaused

	ruleCount
)

// String returns the rule's name as it is written in status, logs and test files, and "?" for a value that is no rule.
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

// Step is one change of the count on its way through the rules. The sentence that explains it is rendered on demand, by
// [Policy.Sentence].
type Step struct {
	Rule Rule
	// second is true for the second step of RuleRate: it has details of its own.
	second bool
	// From and To are the counts before and after the rule, in replicas. They differ.
	From, To int32
	// Until is the first instant at which the rule may stop limiting the count without a new event; Never when only an
	// event can end it.
	Until Instant
}

// details are the numbers that explain the steps of one decision, by rule. The details of a rule that left no step mean
// nothing. They stand beside the steps, and not in them, because that costs less than a step that has room for any of them.
type details struct {
	formula       formulaDetail
	tolerance     toleranceDetail
	unknown       unknownDetail
	fallback      fallbackDetail
	stabilization stabilizationDetail
	// rate has two entries: the rate policies may limit a change, and then the way to the idle count. See Step.second.
	rate       [2]rateDetail
	activation activationDetail
	cooldown   cooldownDetail
}

// rateOf returns the details of a step of RuleRate.
func (d *details) rateOf(s Step) *rateDetail {
	if s.second {
		return &d.rate[1]
	}
	return &d.rate[0]
}
