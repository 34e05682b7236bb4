package scalers

// chain is one decision on its way through the stages of [order]. Its input does not change. Every other part has one
// purpose; its comment says what holds between two stages, and who may change it.
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

	// memory points to decision.Memory: the memory of the last decision, on its way to that of this one.
	memory   *Memory
	decision *Decision
}

// count is the number of replicas on its way through the stages. value is always the To of the last step, or current when
// there is no step yet; only chain.step changes it.
type count struct {
	// current is the target's count. It is not negative, and does not change.
	current int32
	// base is the count that the stages from formula on start from: current, or what activation or a limit made of it. Only
	// stageBounds sets it.
	base, value int32
	// lowest is the least count that the limits allow: the minimum, and at least 1 for a workload that has an idle count;
	// the idle count of a workload that is idle or becomes so. Only stageIdle changes it.
	lowest int32
	// idle is true while the workload is at its idle count and no trigger is active. Only stageActivation changes it.
	idle bool
}

// unknowns is what is not known of the triggers that ask for replicas. Only observe sets it; stageFallback then removes
// what the fallback answers.
type unknowns struct {
	// first is the first unknown trigger; -1 while all are known. The fallback does not change it.
	first int
	// any is true while some trigger is unknown; all while none that asks for replicas is known, not even at least.
	any, all bool
	// activity is true while an unknown trigger could be active and no fallback answers for it.
	activity bool
	// answered is true when the fallback answers for some unknown trigger; unanswered when it does not for some.
	answered, unanswered bool
}

// activity is which triggers are active. Decision.Active is true when one is. Only observe sets it.
type activity struct {
	// first is the first active trigger; -1 while the workload is active without one, and means nothing while it is not.
	first int
	// at is the newest reading of an active sampled trigger; zero without one.
	at Instant
	// continuous is true while a continuous trigger is active, or the workload is active without a trigger.
	continuous bool
}

// timer collects the instants at which the answer may change without a new event. next is later than now, and is at any
// time the earliest of those that the stages so far have found.
type timer struct {
	next Instant
	// stale is the first instant at which a reading becomes too old or has failed for too long. It stays a reason to
	// decide again whatever the stages do.
	stale Instant
	// refill is when the rate policies forget a write of this instant. It is a reason only when the count changes.
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
