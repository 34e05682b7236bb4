package scalers

import "math/bits"

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
	NoPods
	NoRequest
	Misread
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
	case NoPods:
		return "has no pod to be measured"
	case NoRequest:
		return "has a pod without a request"
	case Misread:
		return "was not read as its metric type needs it"
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
	// Level is what was read, as people know it: of a per-pod reading the mean, or the percentage in thousandths, over the
	// pods that were measured. Pods says what became of the others.
	Level Milli
	Pods  PodCounts
}

// Propose evaluates trigger i of the policy on a reading. It depends on what the reading was true of, not on what has
// become true since: neither our own write nor a pod becoming ready multiplies an old reading.
func (p *Policy) Propose(i int, e *Event, now Instant) Proposal {
	var q Proposal
	p.propose(i, e, now, &q)
	return q
}

// propose fills in q, and returns the measure behind it.
func (p *Policy) propose(i int, e *Event, now Instant, q *Proposal) measure {
	t := &p.Triggers[i]
	if q.Why = t.unknown(e, now); q.Why != None {
		return measure{}
	}
	var m measure
	if t.PerPod {
		m, q.Level, q.Pods, q.Why = p.overPods(t, e)
		if q.Why != None {
			return measure{}
		}
	} else {
		m, q.Level = t.measure(e), e.Value
	}
	q.Known, q.Active = true, t.tellsActivity() && e.Value > t.Activation
	q.Raw = ceilDiv(m.level, m.times, t.Target)
	q.Replicas = p.tolerate(t, e.Current, m, q.Raw)
	return m
}

// tellsActivity reports whether the trigger says when there is work at all. What the pods use does not: a workload at rest
// has none.
func (t *Trigger) tellsActivity() bool { return !t.PerPod }

// unknown says why the level cannot be trusted.
func (t *Trigger) unknown(e *Event, now Instant) Unknown {
	switch {
	case e.At == 0:
		return NotRead
	case e.Err != nil:
		return Failed
	case e.PerPod != t.PerPod:
		return Misread
	case !t.PerPod && e.Value < 0:
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
	known, told := 0, false
	for i := range c.policy.Triggers {
		e := &none
		if i < len(c.events) {
			e = &c.events[i]
		}
		readings += e.fingerprint(i)
		t := &c.policy.Triggers[i]
		var q Proposal
		m := c.policy.propose(i, e, c.now, &q)
		if i < MaxTriggers {
			c.decision.proposals[i] = q
			c.decision.triggers = i + 1
		}
		told = told || t.tellsActivity()
		if !q.Known {
			c.unsure = c.unsure || t.tellsActivity()
			if !c.unknown {
				c.unknown, c.culprit = true, i
			}
			continue
		}
		known++
		c.stale = min(c.stale, t.staleAt(e))
		c.consider(i, &q, m)
		if q.Active {
			c.active(i, e)
		}
	}
	if !told || c.policy.ForceActivation {
		c.activeAnyway()
	}
	c.blind = known == 0
	c.wake(c.stale)
	c.arrived = readings != c.memory.Readings || !c.memory.Seen
	c.memory.Readings = readings
	c.decision.Known = !c.unknown
	c.rememberActivity()
}

// fingerprint tells a reading of trigger i from any other: by when it was read, what it said, and what it was true of.
func (e *Event) fingerprint(i int) uint64 {
	const a, b = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	x := uint64(e.At) ^ (uint64(e.Value)+uint64(i)*b)*a
	x ^= (uint64(uint32(e.Current))<<32 | uint64(uint32(e.Ready))) * b
	for j := range e.Pods {
		x = bits.RotateLeft64(x, 1) ^ e.Pods[j].fingerprint()
	}
	if e.Err != nil {
		x = ^x
	}
	x = (x ^ x>>32) * b
	return x ^ x>>29
}

// consider takes a proposal into the maximum; ties go to the first.
func (c *chain) consider(i int, q *Proposal, m measure) {
	t := &c.policy.Triggers[i]
	switch {
	case c.decision.Winner < 0 || q.Replicas > c.demand:
		c.decision.Winner, c.decision.Raw, c.measure = i, q.Raw, m
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

// activeAnyway makes the workload active with no trigger that says so, because the user does or because no trigger could say
// otherwise.
func (c *chain) activeAnyway() {
	if !c.decision.Active {
		c.decision.Active, c.awake = true, -1
	}
	c.activeStands = true
}
