package scalers

import "math/bits"

// unread is the event of a trigger that has not spoken.
var unread Event

// event returns the latest reading of trigger i.
func (c *chain) event(i int) *Event {
	if i < len(c.events) {
		return &c.events[i]
	}
	return &unread
}

// observe looks at every event once: what is proposed, who is active, what is unknown, and whether a reading arrived.
func (c *chain) observe() {
	var readings uint64
	tells, steps := false, false
	c.decision.triggers = min(len(c.policy.Triggers), MaxTriggers)
	for i := range c.decision.triggers {
		t := &c.policy.Triggers[i]
		tells, steps = tells || t.tellsActivity(), steps || t.steps()
		if t.Formula != nil {
			c.compose(i)
			continue
		}
		e, q := c.event(i), &c.decision.proposals[i]
		readings += e.fingerprint(i)
		m := c.policy.propose(i, e, c.now, q)
		c.hear(i, e, q, m, c.fails(t, e, q.Why))
	}
	if !tells || c.policy.ForceActivation {
		c.activeAnyway()
	}
	if steps || len(c.memory.Bases) > 0 {
		c.takeSteps()
	}
	c.lowerToCap()
	c.blind = c.decision.Winner < 0
	c.wake(c.stale)
	c.arrived = readings != c.memory.Readings || !c.memory.Seen
	c.memory.Readings = readings
	c.decision.Known = !c.unknown
	c.forgetFailures()
	c.rememberActivity()
}

// hear takes in what trigger i says, or that it is unknown; overdue: it failed more often in a row than the policy bears.
func (c *chain) hear(i int, e *Event, q *Proposal, m measure, overdue bool) {
	t := &c.policy.Triggers[i]
	if q.Known || q.AtLeast {
		c.stale = min(c.stale, t.staleAt(e))
	}
	if t.Input {
		q.Fallback = overdue
		return
	}
	if q.Active {
		c.active(i, e)
	}
	if (q.Known || q.AtLeast && !t.Cap) && !t.steps() {
		c.consider(i, q, m)
	}
	if q.Known {
		return
	}
	if !c.unknown {
		c.unknown, c.culprit = true, i
	}
	if overdue {
		c.fallsBack(i, e, q)
		return
	}
	c.unresolved = true
	c.unsure = c.unsure || t.tellsActivity()
}

// fingerprint tells a reading of trigger i from any other: by when it was read, what it said, and what it was true of. Whether
// it was confirmed is not part of it: nothing is decided by that.
func (e *Event) fingerprint(i int) uint64 {
	const a, b = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	x := uint64(e.At) ^ (uint64(e.Value)+uint64(i)*b)*a
	x ^= (uint64(uint32(e.Current))<<32 | uint64(uint32(e.Ready))) * b
	for j := range e.Pods {
		x = bits.RotateLeft64(x, 1) ^ e.Pods[j].fingerprint()
	}
	if e.Suspended {
		x = bits.RotateLeft64(x, 2)
	}
	if e.Err != nil {
		x = ^x
		if e.AtLeast {
			x = bits.RotateLeft64(x, 1)
		}
	}
	x = (x ^ x>>32) * b
	return x ^ x>>29
}

// ask is a count that is asked for, and by whom.
type ask struct {
	trigger  int
	replicas int32
	// continuous is true when one of those who ask for it stands until it is replaced.
	continuous bool
	measure    measure
}

// atLeast takes another into the maximum. The zero count of nobody is below any.
func (a *ask) atLeast(b ask) {
	switch {
	case a.trigger < 0 || b.replicas > a.replicas:
		*a = b
	case b.replicas == a.replicas:
		a.tie(b)
	}
}

// atMost takes another into the minimum.
func (a *ask) atMost(b ask) {
	switch {
	case b.replicas < a.replicas || a.trigger < 0:
		*a = b
	case b.replicas == a.replicas:
		a.tie(b)
	}
}

// tie goes to the first in the spec, whoever spoke first.
func (a *ask) tie(b ask) {
	if b.trigger < a.trigger {
		a.trigger, a.measure = b.trigger, b.measure
	}
	a.continuous = a.continuous || b.continuous
}

// consider takes a proposal into the maximum, or the minimum of those that only cap. A count of 0 is that of a schedule or an
// alert that is off: it caps nothing.
func (c *chain) consider(i int, q *Proposal, m measure) {
	t := &c.policy.Triggers[i]
	a := ask{trigger: i, replicas: q.Replicas, continuous: t.Continuous, measure: m}
	switch {
	case !t.Cap:
		c.most.atLeast(a)
	case !t.Exact || q.Replicas > 0:
		c.cap.atMost(a)
	}
}

// lowerToCap lets the lowest cap win where more is asked for.
func (c *chain) lowerToCap() {
	wins := &c.most
	if wins.trigger >= 0 && c.cap.trigger >= 0 && c.cap.replicas < wins.replicas {
		wins = &c.cap
	}
	if wins.trigger >= 0 {
		c.decision.Winner, c.decision.Raw = wins.trigger, c.decision.proposals[wins.trigger].Raw
		c.demand, c.continuous, c.measure = wins.replicas, wins.continuous, wins.measure
	}
}

// active takes note of an active trigger.
func (c *chain) active(i int, e *Event) {
	if !c.decision.Active {
		c.decision.Active, c.awake = true, i
	}
	if c.policy.Triggers[i].Continuous {
		c.activeStands = true
	} else {
		c.activeAt = max(c.activeAt, e.At)
	}
}

// activeAnyway makes the workload active with no trigger that says so, because the user does or because no trigger could say
// otherwise.
func (c *chain) activeAnyway() {
	if !c.decision.Active {
		c.decision.Active, c.awake = true, -1
	}
	c.activeStands = true
}
