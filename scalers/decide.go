package scalers

// Input is everything that a decision depends on, besides the policy.
type Input struct {
	// Now is the instant of the decision. It never goes backwards for one workload.
	Now Instant
	// Current is the target's spec.replicas at Now. A negative count is taken as 0.
	Current int32
	// Events holds the latest event of each of Policy.Triggers, in the same order. A trigger whose event is missing, or has
	// a zero At, has not been read yet and is unknown.
	Events []Event
	// Memory is that of the last decision, with [Memory.Scaled] applied for each write since. Decide consumes it, as append
	// consumes its first argument: use Decision.Memory afterwards, and [Memory.Clone] before when both are needed.
	Memory Memory
}

// Decide returns how many replicas a workload should have at in.Now, why, and until when that holds. It applies the rules
// of the package documentation, first to last, and depends on its arguments alone. It allocates only while the lists of the
// memory grow, for a formula, and for the proposals of more than five triggers.
//
// Decide remembers a recommendation for the stabilization windows when a reading has arrived, which is the case when the
// readings differ from those of the last decision in Event.At or in content. A decision at Next, after another client's
// write, or for no reason at all leaves the windows as they are, so deciding too often is harmless.
func Decide(p *Policy, in Input) (d Decision) {
	d.Winner, d.Memory = -1, in.Memory
	current := max(in.Current, 0)
	c := chain{
		policy: p, now: in.Now, events: in.Events, memory: &d.Memory, decision: &d,
		count:    count{current: current, value: current, lowest: p.activeMin()},
		demands:  noDemands,
		unknowns: unknowns{first: -1},
		timer:    timer{next: Never, stale: Never, refill: Never},
	}
	c.observe()
	for i := range order {
		c.apply(order[i].stage)
	}
	if c.count.value != current {
		c.wakeAt(c.timer.refill)
	}
	d.Replicas, d.Next = max(c.count.value, 0), c.timer.next // Only an invalid policy can give a negative count.
	return d
}
