package scalers

import "math/bits"

// unread is the event of a trigger that has not been read yet.
var unread Event

// event returns the latest event of trigger i.
func (c *chain) event(i int) *Event {
	if i < len(c.events) {
		return &c.events[i]
	}
	return &unread
}

// observe evaluates each event once: what its trigger asks for, whether it is active or unknown, and whether a reading has
// arrived. It runs before the first stage.
func (c *chain) observe() {
	var readings uint64
	signals, steps := false, false
	c.decision.makeProposals(min(len(c.policy.Triggers), MaxTriggers))
	for i := range c.decision.triggers {
		t := &c.policy.Triggers[i]
		signals, steps = signals || t.signalsActivity(), steps || t.steps()
		if t.Formula != nil {
			c.observeComposite(i)
			continue
		}
		e, q := c.event(i), c.decision.proposal(i)
		readings += e.fingerprint(i)
		m := c.policy.propose(i, e, c.now, q)
		c.observeTrigger(i, e, q, m, c.countFailure(t, e, q.Why))
	}
	if !signals || c.policy.ForceActivation {
		c.activateAlways()
	}
	if steps || len(c.memory.Bases) > 0 {
		c.observeSteps()
	}
	c.chooseWinner()
	c.unknowns.all = c.decision.Winner < 0
	c.wakeAt(c.timer.stale)
	c.arrived = readings != c.memory.Readings || !c.memory.Seen
	c.memory.Readings = readings
	c.decision.Known = !c.unknowns.any
	c.removeOldFailures()
	c.recordActivity()
}

// observeTrigger adds what trigger i asks for, or that it is unknown. exceeded is true when it has failed more often in a row
// than the fallback tolerates.
func (c *chain) observeTrigger(i int, e *Event, q *Proposal, m measure, exceeded bool) {
	t := &c.policy.Triggers[i]
	if q.Known || q.AtLeast {
		c.timer.stale = min(c.timer.stale, t.staleAt(e))
	}
	if t.Input {
		q.Fallback = exceeded
		return
	}
	if q.Active {
		c.activate(i, e)
	}
	if (q.Known || q.AtLeast && !t.Cap) && !t.steps() {
		c.addProposal(i, q, m)
	}
	if q.Known {
		return
	}
	if !c.unknowns.any {
		c.unknowns.any, c.unknowns.first = true, i
	}
	if exceeded {
		c.fallBack(i, e, q)
		return
	}
	c.unknowns.unanswered = true
	c.unknowns.activity = c.unknowns.activity || t.signalsActivity()
}

// fingerprint identifies a reading of trigger i: by its instant, its content, and the counts at its instant. Stale and the
// texts are not part of it, because no decision depends on them.
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
	x ^= uint64(e.Activity) << 40
	if e.Err != nil {
		x = ^x
		if e.AtLeast {
			x = bits.RotateLeft64(x, 1)
		}
	}
	x = (x ^ x>>32) * b
	return x ^ x>>29
}

// activate records that trigger i is active.
func (c *chain) activate(i int, e *Event) {
	if !c.decision.Active {
		c.decision.Active, c.activity.first = true, i
	}
	if c.policy.Triggers[i].Continuous {
		c.activity.continuous = true
	} else {
		c.activity.at = max(c.activity.at, e.At)
	}
}

// activateAlways makes the workload active without a trigger: because the user forces it, or because no trigger signals
// activity.
func (c *chain) activateAlways() {
	if !c.decision.Active {
		c.decision.Active, c.activity.first = true, -1
	}
	c.activity.continuous = true
}

// recordActivity remembers the last instant at which a trigger was active. A sampled trigger is active at its readings, a
// continuous one until its level is replaced.
func (c *chain) recordActivity() {
	m := c.memory
	if m.ContinuousActive && !c.activity.continuous {
		m.LastActive = max(m.LastActive, c.now)
	}
	m.ContinuousActive, m.Active = c.activity.continuous, c.decision.Active
	m.LastActive = max(m.LastActive, min(c.activity.at, c.now))
}
