package scalers

import (
	"math"
	"slices"
)

// Input is all that a decision is taken from, besides the policy.
type Input struct {
	Now Instant
	// Current is the target's spec.replicas now.
	Current int32
	// Events holds the latest reading of each of Policy.Triggers, in the same order. One that is left out, or has no At,
	// has not been read yet.
	Events []Event
	// Memory is what the last decision handed back. Decide consumes it, as append consumes its first argument: use
	// Decision.Memory afterwards, and Clone before when both are needed.
	Memory Memory
}

// Decision is what a workload should have, why, and until when.
type Decision struct {
	// Replicas is the count that is wanted.
	Replicas int32
	// Raw is the winner's formula before tolerance and everything after it; it means nothing while Winner is -1.
	Raw int32
	// Winner is the index of the trigger that asked for most, the first of equals, or that is known and asks for nothing while
	// nobody asks; -1 while no trigger is known, not even how high its level is at least.
	Winner int
	// Known is false while the level of some trigger is unknown.
	Known bool
	// Active is true while some trigger is above its activation value.
	Active bool
	// FormulaErr is why the composite trigger's formula gave no number.
	FormulaErr error
	// Next is the next instant at which the answer may be another one with no new event: at every earlier one it is the
	// same, whether or not this answer has been written. Never when only an event can change it.
	Next Instant
	// Memory goes into the next Input.
	Memory Memory

	proposals [MaxTriggers]Proposal
	triggers  int
	steps     [maxSteps]Step
	nsteps    int
}

// maxSteps is the length of the longest chain: a bound or activation first, then each rule once, rate twice.
const maxSteps = 13

// Steps returns the rules that changed the number, in the order in which they did. It points into d.
func (d *Decision) Steps() []Step { return d.steps[:d.nsteps] }

// Proposals returns what each trigger asked for, in the order of the policy's. It points into d.
func (d *Decision) Proposals() []Proposal { return d.proposals[:d.triggers] }

// LimitedBy names the rules besides the formula that changed the number, each once, in the order of the chain.
func (d *Decision) LimitedBy() []string {
	var spoke [ruleCount]bool
	for _, s := range d.Steps() {
		spoke[s.Rule] = true
	}
	var names []string
	for r := RuleFormula + 1; r < ruleCount; r++ {
		if spoke[r] {
			names = append(names, r.String())
		}
	}
	return names
}

// Limit returns the last step, if one keeps the count from what the formula asks for. A tolerance does not: within it the count
// is what is asked for. Nor does an activation or a bound that the formula started from.
func (d *Decision) Limit() (Step, bool) {
	if d.nsteps == 0 || d.Winner >= 0 && d.Replicas == d.Raw {
		return Step{}, false
	}
	last := d.steps[d.nsteps-1]
	switch last.Rule {
	case RuleFormula, RuleTolerance, RuleActivation:
		return Step{}, false
	default:
		return last, true
	}
}

// overruled reports whether a later step leaves nothing of step i: it takes the number back, the same rule moves it to the same
// count again, or the count is what the formula asks for, whatever bound it started from.
func (d *Decision) overruled(i int) bool {
	s := d.steps[i]
	if s.Rule == RuleFormula || s.Rule == RuleActivation {
		return false
	}
	asked := (s.Rule == RuleMin || s.Rule == RuleMax) && d.Winner >= 0 && d.Replicas == d.Raw
	return slices.ContainsFunc(d.steps[i+1:d.nsteps], func(later Step) bool {
		back := s.To > s.From && later.To <= s.From || s.To < s.From && later.To >= s.From
		again := later.Rule == s.Rule && later.To == s.To
		return back || again || asked && later.Rule == RuleFormula
	})
}

// Decide applies the rules to in, first to last. It is a function of its arguments alone.
//
// A reading has arrived when the readings are others than the last decision saw, by Event.At or by what they say; then,
// and only then, the recommendation is remembered. So a decision at Next, after somebody else's write, or for no reason at
// all leaves the windows as they are: deciding too often is harmless.
func Decide(p *Policy, in Input) Decision {
	var d Decision
	d.Winner, d.Memory = -1, in.Memory
	c := chain{
		policy: p, now: in.Now, current: max(in.Current, 0), events: in.Events, memory: &d.Memory, decision: &d,
		most: ask{trigger: -1}, cap: ask{trigger: -1, replicas: math.MaxInt32}, quiet: ask{trigger: -1},
		lowest: p.working(), stale: Never, next: Never, refill: Never, culprit: -1,
	}
	c.base, c.count = c.current, c.current
	c.observe()

	// What follows is the specification: each rule stands in the file of its name. The first two move the count that the
	// others start from.
	c.applyActivation()    // idle.go: at rest, whoever becomes active wakes the workload at once
	c.applyBounds()        // limits.go: a count outside the limits is first put to the bound
	c.applyFormula()       // formula.go: the maximum over the triggers that are known
	c.applyTolerance()     // tolerance.go: close enough changes nothing
	c.applyUnknown()       // unknown.go: unknown may raise, never lower
	c.applyFallback()      // fallback.go: the user's own answer to unknown
	c.applyStabilization() // window.go: neither up nor down before the window agrees
	c.applyRate()          // rate.go: not faster than the policies allow
	c.applyRest()          // idle.go: nobody active, and the cooldown is over
	c.applyLimits()        // limits.go: within minimum and maximum
	c.applyPaused()        // paused.go: the user's hand is the strongest

	if c.count != c.current {
		c.wake(c.refill)
	}
	d.Replicas, d.Next = max(c.count, 0), c.next // An invalid policy may have said less.
	return d
}

// chain is a decision on its way through the rules.
type chain struct {
	policy  *Policy
	now     Instant
	current int32
	events  []Event

	// base is the count that the rules start from: the current one, or what it was first put to.
	base int32
	// count is the number as of the last rule.
	count int32
	// demand is the maximum over the known triggers after tolerance, unclamped.
	demand int32
	// continuous is true when a level that stands until it is replaced asks for the demand.
	continuous bool
	// most is the maximum of what is asked for, cap the lowest of the caps, measure that of the winner.
	// quiet is a step trigger that has nothing to add.
	most, cap, quiet ask
	measure          measure
	// unknown is true when some trigger is not known, blind when none is, unsure when one that tells activity is not;
	// culprit is the first that is not known. unresolved is true when the fallback does not speak for each of them.
	unknown, blind, unsure, unresolved bool
	culprit                            int
	// fallbacks is true while the fallback speaks for some trigger.
	fallbacks bool
	// arrived is true when a reading came since the last decision.
	arrived bool
	// activeAt is the newest reading of an active sampled trigger; activeStands is true while a continuous one is active.
	activeAt     Instant
	activeStands bool
	// awake is the first active trigger, -1 when the workload is active with none.
	awake int
	// resting is true for a workload that is at its resting count and stays there.
	resting bool
	// lowest is the least count: the minimum and at least 1, or the resting count of a workload that rests.
	lowest int32

	// stale is when the first reading becomes too old or has failed for too long, next the first instant at which anything may change by itself,
	// refill when the rate policies forget a write of this instant.
	stale, next, refill Instant
	// memory is the decision's.
	memory   *Memory
	decision *Decision
}

// step moves the number and keeps why; a rule that changes nothing leaves no step.
func (c *chain) step(s Step) {
	if s.To == c.count {
		return
	}
	s.From = c.count
	if c.decision.nsteps < maxSteps {
		c.decision.steps[c.decision.nsteps] = s
		c.decision.nsteps++
	}
	c.count = s.To
}

// wake makes sure that the next decision is not later than t.
func (c *chain) wake(t Instant) {
	if t > c.now {
		c.next = min(c.next, t)
	}
}

// settle forgets every reason to wake but what becomes of a reading by itself: whatever the rules before would say later, the
// answer is settled until an event comes.
func (c *chain) settle() { c.next, c.refill = c.stale, Never }
