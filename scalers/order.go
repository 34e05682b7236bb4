package scalers

// stage is one place in the order of the rules.
type stage uint8

// The stages. They are applied in the order of the table, not in this one.
const (
	stageActivation stage = iota
	stageBounds
	stageFormula
	stageTolerance
	stageUnknown
	stageFallback
	stageStabilization
	stageRate
	stageIdle
	stageLimits
	stagePaused
)

// order is the specification of a decision: [Decide] applies these stages, first to last. Each stage is in the file of
// its name. A stage leaves at most so many steps, of these rules, and none when it does not change the count.
var order = [...]struct {
	stage stage
	most  int
	rules []Rule
}{
	{stageActivation, 1, []Rule{RuleActivation}},             // An active trigger starts an idle workload at once.
	{stageBounds, 1, []Rule{RuleMin, RuleMax}},               // A count outside the limits moves to the limit first.
	{stageFormula, 1, []Rule{RuleFormula}},                   // The maximum over the known triggers wins.
	{stageTolerance, 1, []Rule{RuleTolerance}},               // A level close to its target changes nothing.
	{stageUnknown, 1, []Rule{RuleUnknown}},                   // An unknown level may raise, never lower.
	{stageFallback, 1, []Rule{RuleFallback}},                 // The user's own answer to an unknown level may lower.
	{stageStabilization, 1, []Rule{RuleStabilization}},       // No change that a recommendation in a window forbids.
	{stageRate, 1, []Rule{RuleRate}},                         // No change faster than the rate policies allow.
	{stageIdle, 2, []Rule{RuleCooldown, RuleIdle, RuleRate}}, // No trigger is active: idle once the cooldown is over.
	{stageLimits, 2, []Rule{RuleMin, RuleMax}},               // Within minimum and maximum.
	{stagePaused, 1, []Rule{RulePaused}},                     // A pause overrides every other rule.
}

// maxSteps is the number of steps of the longest chain: the sum over the table.
const maxSteps = 13

// apply applies one stage. It is a switch because a table of functions would move the chain to the heap.
func (c *chain) apply(s stage) {
	switch s {
	case stageActivation:
		c.applyActivation()
	case stageBounds:
		c.applyBounds()
	case stageFormula:
		c.applyFormula()
	case stageTolerance:
		c.applyTolerance()
	case stageUnknown:
		c.applyUnknown()
	case stageFallback:
		c.applyFallback()
	case stageStabilization:
		c.applyStabilization()
	case stageRate:
		c.applyRate()
	case stageIdle:
		c.applyIdle()
	case stageLimits:
		c.applyLimits()
	case stagePaused:
		c.applyPaused()
	}
}
