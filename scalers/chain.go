package scalers

// chain is the state of one decision while the stages of [order] are applied. policy, now and events do not change. The
// comment of each other field says what holds between two stages, and which stage may change the field.
type chain struct {
	policy *Policy
	now    Instant
	events []Event

	count    count
	demands  demands
	demand   demand
	unknowns unknowns
	activity activity
	timer    timer
	// arrived is true when a reading has arrived since the last decision. Only observe sets it.
	arrived bool

	// memory points to decision.Memory. It begins as the memory of the last decision, and the stages turn it into that of
	// this one.
	memory   *Memory
	decision *Decision
}

// count is the number of replicas while the stages change it. value is always the To of the last step, or current when
// there is no step yet; only chain.step changes it.
type count struct {
	// current is the target's count. It is not negative, and does not change.
	current int32
	// base is the count that the stages from formula on start from: current, or what activation or a limit made of it. Only
	// stageBounds sets it.
	base, value int32
	// lowest is the least count that the limits allow. It is the minimum, but at least 1 for a workload that has an idle
	// count. When stageIdle finds that the workload is idle or becomes idle, it sets lowest to the idle count.
	lowest int32
	// idle is true while the workload is at its idle count and no trigger is active. Only stageActivation changes it.
	idle bool
}

// unknowns records whether triggers are unknown, and whether the fallback applies to them. Only observe sets it;
// stageFallback then removes the triggers to which the fallback applies.
type unknowns struct {
	// first is the index of the first unknown trigger; -1 while all are known. The fallback does not change it.
	first int
	// any is true while at least one trigger is unknown. all is true while no trigger that asks for replicas has a level, or
	// a lower bound of one (Event.AtLeast).
	any, all bool
	// activity is true while an unknown trigger could be active and no fallback applies to it.
	activity bool
	// answered is true when the fallback applies to at least one unknown trigger, unanswered when there is an unknown
	// trigger to which it does not apply.
	answered, unanswered bool
}

// activity records which triggers are active. Decision.Active is true when at least one is. Only observe sets it.
type activity struct {
	// first is the index of the first active trigger; -1 while the workload is active without one. It has no meaning while
	// Decision.Active is false.
	first int
	// at is the instant of the newest reading of an active sampled trigger; zero without one.
	at Instant
	// continuous is true while a continuous trigger is active, or the workload is active without a trigger.
	continuous bool
}

// timer collects the instants at which the answer may change without a new event. next is the earliest
// of those that the stages have found so far; it is always later than now.
type timer struct {
	next Instant
	// stale is the first instant at which a reading becomes too old or has failed for too long. It stays a reason to
	// decide again, whatever the stages do.
	stale Instant
	// refill is the first instant at which a rate policy no longer counts a write that is made now: now plus its period. It
	// is a reason to decide again only when the count changes.
	refill Instant
}

// step changes the count and records why. A rule that does not change it leaves no step.
func (c *chain) step(s Step) {
	if s.To == c.count.value {
		return
	}
	s.From = c.count.value
	if c.decision.nsteps < maxSteps {
		c.decision.steps[c.decision.nsteps] = s
		c.decision.nsteps++
	}
	c.count.value = s.To
}

// wakeAt makes sure that the next decision is taken at t or before. An instant that has passed is ignored.
func (c *chain) wakeAt(t Instant) {
	if t > c.now {
		c.timer.next = min(c.timer.next, t)
	}
}

// wakeOnlyForReadings drops every reason to decide again that the earlier stages have found: what they would do later does
// not matter any more. Readings still become too old.
func (c *chain) wakeOnlyForReadings() { c.timer.next, c.timer.refill = c.timer.stale, Never }
