package scalers

import "time"

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

// Decision is what a workload should have, why, and until when.
type Decision struct {
	// Replicas is the count that is wanted.
	Replicas int32
	// Raw is the winner's formula before tolerance and everything after it; it means nothing while Winner is -1.
	Raw int32
	// Winner is the index of the trigger that asked for most; -1 while no trigger is known.
	Winner int
	// Known is false while the level of some trigger is unknown.
	Known bool
	// Active is true while some trigger is above its activation value.
	Active bool
	// Next is the next instant at which the answer may be another one with no new event; Never when only an event can
	// change it.
	Next Instant
	// Memory goes into the next Input.
	Memory Memory

	steps  [maxSteps]Step
	nsteps int
}

// maxSteps is more than any chain takes: a bound, activation, and each rule once.
const maxSteps = 16

// Steps returns the rules that changed the number, in the order in which they did. It points into d.
func (d *Decision) Steps() []Step { return d.steps[:d.nsteps] }

// Decide applies the rules to in, first to last. It is a function of its arguments alone.
func Decide(p *Policy, in Input) Decision {
	c := chain{policy: p, in: &in, base: in.Current, low: p.Min, memory: in.Memory, next: Never}
	c.decision.Winner = -1
	c.observe()
	for _, r := range rules {
		r(&c)
	}
	c.decision.Replicas = c.count
	c.decision.Next = c.next
	c.decision.Memory = c.memory
	return c.decision
}

// rules is the specification: what each does to the number stands in its file.
var rules = [...]func(*chain){
	applyStart,         // start.go: bounds and activation first, so that the same decision goes on from there
	applyFormula,       // formula.go: the maximum over triggers
	applyTolerance,     // tolerance.go: close enough changes nothing
	applyUnknown,       // unknown.go: unknown never lowers
	applyStabilization, // window.go: neither up nor down before the windows agree
	applyRate,          // rate.go: not faster than the policies allow
	applyRest,          // rest.go: nobody active, after the cooldown
	applyLimits,        // limits.go: within minimum and maximum
	applyPaused,        // paused.go: the user's hand is the strongest
}

// chain is a decision on its way through the rules.
type chain struct {
	policy *Policy
	in     *Input
	// base is the count that the rules start from: the current one, or the bound it was put to.
	base int32
	// count is the number as of the last rule.
	count int32
	// demand is the maximum over known triggers after tolerance, unclamped; continuous is true when it stands until
	// replaced.
	demand     int32
	continuous bool
	// unknown is true when some trigger is not known, blind when none is.
	unknown, blind bool
	// activeAt is the newest reading of an active sampled trigger; activeStands is true while a continuous one is active.
	activeAt     Instant
	activeStands bool
	// resting is true when the workload is below its working count because nothing was active.
	resting bool
	// low is the least count: the minimum, or the resting count of a workload that rests.
	low int32
	// arrived is true when a reading came since the last decision.
	arrived  bool
	next     Instant
	memory   Memory
	decision Decision
}

// step moves the number and keeps why; a rule that changes nothing leaves no step.
func (c *chain) step(r Rule, to int32, until Instant, a, b int64) {
	if to == c.count {
		return
	}
	if c.decision.nsteps < maxSteps {
		c.decision.steps[c.decision.nsteps] = Step{Rule: r, From: c.count, To: to, Until: until, A: a, B: b}
		c.decision.nsteps++
	}
	c.count = to
}

// wake makes sure that the next decision is not later than t.
func (c *chain) wake(t Instant) {
	if t > c.in.Now && t < c.next {
		c.next = t
	}
}

// working is the least count of a workload that is not at rest.
func (p *Policy) working() int32 { return max(p.Min, 1) }

// millis is d in whole milliseconds, for the numbers of a step.
func millis(d time.Duration) int64 { return d.Milliseconds() }
