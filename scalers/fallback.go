package scalers

// FallbackBehavior is the count that a trigger asks for while it keeps failing. The names are KEDA's.
type FallbackBehavior uint8

const (
	// FallbackStatic is Fallback.Replicas.
	FallbackStatic FallbackBehavior = iota
	// FallbackCurrentReplicas is the current count.
	FallbackCurrentReplicas
	// FallbackCurrentReplicasIfHigher is the current count, and at least Fallback.Replicas.
	FallbackCurrentReplicasIfHigher
	// FallbackCurrentReplicasIfLower is the current count, and at most Fallback.Replicas.
	FallbackCurrentReplicasIfLower
	// FallbackScalingModifiers evaluates the formula with the trigger missing, and is Replicas when that gives no number. The
	// policy needs a trigger with a formula.
	FallbackScalingModifiers
)

// replicas returns the count that the fallback asks for, for trigger t of a workload with so many replicas.
func (f *Fallback) replicas(t *Trigger, current int32) int32 {
	n := f.Replicas
	switch f.Behavior {
	case FallbackCurrentReplicas:
		n = current
	case FallbackCurrentReplicasIfHigher:
		n = max(n, current)
	case FallbackCurrentReplicasIfLower:
		n = min(n, current)
	case FallbackStatic, FallbackScalingModifiers:
	}
	return t.bound(n)
}

// fallBack sets the fallback's answer for trigger i. The trigger is active when this answer is more than the idle count.
func (c *chain) fallBack(i int, e *Event, q *Proposal) {
	t := &c.policy.Triggers[i]
	q.Fallback, c.unknowns.answered = true, true
	q.Replicas = c.policy.Fallback.replicas(t, c.count.current)
	if t.signalsActivity() && q.Replicas > max(c.policy.Idle, 0) {
		q.Active = true
		c.activate(i, e)
	}
}

// fallbackDetail explains a step of RuleFallback.
type fallbackDetail struct {
	// trigger is the index of the trigger whose fallback asks for the most replicas, and replicas is that number.
	trigger  int
	replicas int32
}

// applyFallback adds what the fallback asks for to the demand. While the fallback does not apply to some unknown trigger,
// nothing is lowered.
func (c *chain) applyFallback() {
	if !c.unknowns.answered {
		return
	}
	most := demand{trigger: -1}
	for i := range c.decision.Proposals() {
		q, t := c.decision.proposal(i), &c.policy.Triggers[i]
		if q.Fallback && !t.Input {
			q.Replicas = c.policy.Fallback.replicas(t, c.count.base)
			most.raise(demand{trigger: i, replicas: min(q.Replicas, c.demands.ceiling.replicas), continuous: t.Continuous})
		}
	}
	c.decision.details.fallback = fallbackDetail{trigger: most.trigger, replicas: most.replicas}
	if !c.unknowns.all {
		most.raise(c.demand)
	}
	c.demand.replicas, c.demand.continuous = most.replicas, most.continuous
	c.unknowns.all, c.unknowns.any = false, c.unknowns.unanswered
	to := c.demand.replicas
	if c.blockedByUnknown() {
		to = c.count.base
	}
	c.step(Step{Rule: RuleFallback, To: to, Until: Never})
}
