package scalers

import "fmt"

// Proposal is what one trigger asks for, and whether it can be trusted.
type Proposal struct {
	// Known is false while the level is unknown; Why says why.
	Known bool
	Why   Unknown
	// AtLeast: the level is not known, but it is Level or more. Raw and Replicas are what that asks for: it may raise.
	AtLeast bool
	// Active is true when the level is above the activation value, strictly, or the fallback above the resting count.
	Active bool
	// Fallback: the trigger failed more often in a row than the policy bears. Replicas is then the fallback's.
	Fallback bool
	// Raw is the formula's answer; Replicas is what is left of it after tolerance and its guard. Both are within the bounds of
	// the trigger's own. An input has none.
	Raw, Replicas int32
	// Base is what a step trigger adds to. Quiet: it is known to have nothing to add, and asks for nothing.
	Base        int32
	AddsNothing bool
	// Level is what was read, as people know it: of a per-pod reading the mean, or the percentage in thousandths, over the
	// pods that were measured. Pods says what became of the others.
	Level Milli
	Pods  PodCounts
}

// Unknown says why the level is unknown, in words that follow the trigger's name.
func (q *Proposal) Unknown() string {
	if q.AtLeast {
		return fmt.Sprintf("%s, but %s at least", q.Why, q.Level)
	}
	return q.Why.String()
}

// Propose evaluates trigger i of the policy on a reading. It depends on what the reading was true of, not on what has
// become true since: neither our own write nor a pod becoming ready multiplies an old reading. What a formula or the fallback
// proposes is known to a Decision only; of a step trigger, this is what it would propose alone, with the least base.
func (p *Policy) Propose(i int, e *Event, now Instant) Proposal {
	var q Proposal
	p.propose(i, e, now, &q)
	return q
}

// propose fills in q, and returns the measure behind it.
func (p *Policy) propose(i int, e *Event, now Instant, q *Proposal) measure {
	t := &p.Triggers[i]
	if q.Why = t.unknown(e, now); q.Why != None && q.Why != Uncertain {
		return measure{}
	}
	var m measure
	if t.PerPod {
		m, q.Level, q.Pods, q.Why = p.overPods(t, e)
		if !q.Why.failure() && now >= t.staleAt(e) { // What has failed stays failed, however old.
			q.Why = Stale
		}
		if q.Why != None {
			return measure{}
		}
	} else {
		m, q.Level = t.measure(e), e.Value
	}
	q.Known, q.AtLeast = q.Why == None, q.Why == Uncertain
	q.Active = t.tellsActivity() && e.Value > t.Activation && (!e.Suspended || !p.restsAt(e.Current))
	switch {
	case t.Input:
		return m
	case t.steps():
		t.step(p.alone(), q)
		q.Active = q.Active && units(q.Level) > 0
		return m
	}
	raw := ceilDiv(m.level, m.times, t.Target)
	q.Raw, q.Replicas = t.bound(raw), t.bound(p.tolerate(t, e.Current, m, raw))
	return m
}

// restsAt reports whether a workload with so many replicas is at rest.
func (p *Policy) restsAt(replicas int32) bool { return p.Idle >= 0 && replicas <= p.Idle }

// tellsActivity reports whether the trigger says when there is work at all. What the pods use does not: a workload at rest
// has none. Nor do caps, and for its inputs the formula does.
func (t *Trigger) tellsActivity() bool { return !t.PerPod && !t.Cap && !t.Input }

// ActivityUnknown reports whether the level of a trigger that says when there is work is unknown.
func (d *Decision) ActivityUnknown(p *Policy) bool {
	for i := range min(d.triggers, len(p.Triggers)) {
		if p.Triggers[i].tellsActivity() && !d.proposals[i].Known {
			return true
		}
	}
	return false
}

// unknown says why the level cannot be trusted.
func (t *Trigger) unknown(e *Event, now Instant) Unknown {
	switch {
	case e.At == 0:
		return NotRead
	case e.Err != nil && !t.limitsBelow(e):
		return Failed
	case e.PerPod != t.PerPod:
		return Misread
	case !t.PerPod && e.Value < 0:
		return Negative
	case !t.PerPod && now >= t.staleAt(e):
		return Stale
	case !t.Input && t.multiplies(e) && e.Ready <= 0:
		return NoReadyPods
	case !t.Input && t.Target <= 0:
		return NoTarget
	case e.Err != nil:
		return Uncertain
	default:
		return None
	}
}

// limitsBelow reports whether an event that states no level says at least how high it is. A negative one says nothing, and
// neither does one of single pods.
func (t *Trigger) limitsBelow(e *Event) bool {
	return e.AtLeast && e.Err != nil && e.Value >= 0 && !t.PerPod && !e.PerPod
}

// staleAt is the first instant at which a sampled reading is older than the trigger allows.
func (t *Trigger) staleAt(e *Event) Instant {
	if t.Continuous || t.StaleAfter <= 0 {
		return Never
	}
	return e.At.Add(t.StaleAfter).Add(1)
}
