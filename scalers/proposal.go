package scalers

// Unknown says why a level is unknown. Unknown is not zero.
type Unknown uint8

// The reasons; None is that of a level that is known.
const (
	None Unknown = iota
	NotRead
	Failed
	Negative
	Stale
	NoReadyPods
	NoTarget
)

// String says the reason in words that follow the trigger's name.
func (u Unknown) String() string {
	switch u {
	case None:
		return "is known"
	case NotRead:
		return "has not been read yet"
	case Failed:
		return "could not be read"
	case Negative:
		return "is negative"
	case Stale:
		return "was read too long ago"
	case NoReadyPods:
		return "has no ready pod to be multiplied with"
	case NoTarget:
		return "has no target"
	default:
		return "is unknown"
	}
}

// Proposal is what one trigger asks for, and whether it can be trusted.
type Proposal struct {
	// Known is false while the level is unknown; Why says why.
	Known bool
	Why   Unknown
	// Active is true when the level is above the activation value, strictly.
	Active bool
	// Raw is the formula's answer; Replicas is what is left of it after tolerance and its guard.
	Raw, Replicas int32
}

// Propose evaluates trigger i of the policy on a reading. It depends on what the reading was true of, not on what has
// become true since: neither our own write nor a pod becoming ready multiplies an old reading.
func (p *Policy) Propose(i int, e *Event, now Instant) Proposal {
	t := &p.Triggers[i]
	if why := t.unknown(e, now); why != None {
		return Proposal{Why: why}
	}
	q := Proposal{Known: true, Active: e.Value > t.Activation, Raw: t.formula(e)}
	q.Replicas = p.tolerate(t, e, q.Raw)
	return q
}

// unknown says why the level cannot be trusted.
func (t *Trigger) unknown(e *Event, now Instant) Unknown {
	switch {
	case e.At == 0:
		return NotRead
	case e.Err != nil:
		return Failed
	case e.Value < 0:
		return Negative
	case now >= t.staleAt(e):
		return Stale
	case t.multiplies(e) && e.Ready <= 0:
		return NoReadyPods
	case t.Target <= 0:
		return NoTarget
	default:
		return None
	}
}

// staleAt is the first instant at which a sampled reading is older than the trigger allows.
func (t *Trigger) staleAt(e *Event) Instant {
	if t.Continuous || t.StaleAfter <= 0 {
		return Never
	}
	return e.At.Add(t.StaleAfter).Add(1)
}

// observe looks at every event once: what is proposed, who is active, what is unknown, and whether a reading arrived.
func (c *chain) observe() {
	var none Event
	var readings uint64
	known := 0
	for i := range c.policy.Triggers {
		e := &none
		if i < len(c.events) {
			e = &c.events[i]
		}
		readings += e.print(i)
		t := &c.policy.Triggers[i]
		q := c.policy.Propose(i, e, c.now)
		if i < MaxTriggers {
			c.decision.proposals[i] = q
			c.decision.triggers = i + 1
		}
		if !q.Known {
			if !c.unknown {
				c.unknown, c.culprit = true, i
			}
			continue
		}
		known++
		c.stale = min(c.stale, t.staleAt(e))
		c.consider(i, q)
		if q.Active {
			c.active(i, e)
		}
	}
	c.blind = known == 0
	c.wake(c.stale)
	c.arrived = readings != c.memory.Readings || !c.memory.Seen
	c.memory.Readings = readings
	c.decision.Known = !c.unknown
	c.rememberActivity()
}

// print tells a reading of trigger i from any other: by when it was read, what it said, and what it was true of.
func (e *Event) print(i int) uint64 {
	const a, b = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	x := uint64(e.At) ^ (uint64(e.Value)+uint64(i)*b)*a
	x ^= (uint64(uint32(e.Current))<<32 | uint64(uint32(e.Ready))) * b
	if e.Err != nil {
		x = ^x
	}
	x = (x ^ x>>32) * b
	return x ^ x>>29
}

// consider takes a proposal into the maximum; ties go to the first.
func (c *chain) consider(i int, q Proposal) {
	t := &c.policy.Triggers[i]
	switch {
	case c.decision.Winner < 0 || q.Replicas > c.demand:
		c.decision.Winner, c.decision.Raw = i, q.Raw
		c.demand, c.continuous = q.Replicas, t.Continuous
	case q.Replicas == c.demand:
		c.continuous = c.continuous || t.Continuous
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
