package scalers

import "fmt"

// Proposal is the result of one trigger: the number of replicas that it asks for, or the reason why it asks for none.
type Proposal struct {
	// Known is true while the level is known. Otherwise Why is the reason, and Replicas counts only with AtLeast or Fallback.
	Known bool
	// Why is None while the level is known.
	Why Unknown
	// AtLeast is true when the level is unknown, but at least Level. Raw and Replicas are then those of Level: they may raise the
	// count, never lower it.
	AtLeast bool
	// Active is true when the source itself reports work (Event.Activity) or, if it does not report whether there is work, the level
	// is above the activation value, strictly; or when the fallback is above the idle count.
	Active bool
	// Fallback is true when the trigger has failed more often in a row than Policy.Fallback tolerates. Replicas is then the
	// fallback's.
	Fallback bool
	// Raw is the result of the formula, and Replicas the result after tolerance, both in replicas and within the trigger's own
	// Min and Max. The input of a formula has neither.
	Raw, Replicas int32
	// Base is the count that a step trigger adds to.
	Base int32
	// AddsNothing is true for a step trigger that is known to be below its first step: it asks for no replicas.
	AddsNothing bool
	// Level is the level as people know it. Of a per-pod reading it is the mean over the measured pods, or for a utilization
	// their percentage in thousandths of a percent.
	Level Milli
	// Pods shows how the pods of a per-pod reading were counted.
	Pods PodCounts
}

// Unknown returns why the level is unknown, in words that follow the trigger's name.
func (q *Proposal) Unknown() string {
	if q.AtLeast {
		return fmt.Sprintf("%s, but %s at least", q.Why, q.Level)
	}
	return q.Why.String()
}

// Propose evaluates trigger i of the policy on one event, at an instant. The result depends on the counts of the event, not on
// later ones: neither a write by Impulse nor a pod that becomes ready multiplies an old reading. Formula and fallback are part
// of a [Decision] only. For a step trigger the result is what it would ask for alone, with the least base.
func (p *Policy) Propose(i int, e *Event, now Instant) Proposal {
	var q Proposal
	p.propose(i, e, now, &q)
	return q
}

// propose sets q, which is zero, and returns the measure behind it.
func (p *Policy) propose(i int, e *Event, now Instant, q *Proposal) measure {
	t := &p.Triggers[i]
	if q.Why = t.unknown(e, now); q.Why != None && q.Why != Uncertain {
		return measure{}
	}
	var m measure
	if t.PerPod {
		m, q.Level, q.Pods, q.Why = p.overPods(t, e)
		if !q.Why.failure() && now >= t.staleAt(e) { // A failed reading stays failed, however old it is.
			q.Why = Stale
		}
		if q.Why != None {
			return measure{}
		}
	} else {
		m, q.Level = t.measure(e), e.Value
	}
	q.Known, q.AtLeast = q.Why == None, q.Why == Uncertain
	q.Active = t.signalsActivity() && e.active(t, p.idleAt(e.Current))
	switch {
	case t.Input:
		return m
	case t.steps():
		t.proposeStep(p.leastBase(), q)
		q.Active = q.Active && units(q.Level) > 0
		return m
	}
	raw := ceilDiv(m.level, m.times, t.Target)
	q.Raw, q.Replicas = t.bound(raw), t.bound(p.tolerate(t, e.Current, m, raw))
	return m
}

// signalsActivity reports whether the trigger shows if there is work. Usage of pods does not: an idle workload has none. Nor
// does a trigger with Cap. For the inputs of a formula, the composite trigger does.
func (t *Trigger) signalsActivity() bool { return !t.PerPod && !t.Cap && !t.Input }

// unknown returns why the level of an event is unknown, as far as that does not depend on single pods.
func (t *Trigger) unknown(e *Event, now Instant) Unknown {
	switch {
	case e.At == 0:
		return NotRead
	case e.Err != nil && !t.isLowerBound(e):
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

// isLowerBound reports whether an event without a level gives a lower bound of the level. A negative value does not count, nor
// does that of a trigger per pod.
func (t *Trigger) isLowerBound(e *Event) bool {
	return e.AtLeast && e.Err != nil && e.Value >= 0 && !t.PerPod && !e.PerPod
}

// staleAt returns the first instant at which a reading is older than StaleAfter; Never for a continuous trigger.
func (t *Trigger) staleAt(e *Event) Instant {
	if t.Continuous || t.StaleAfter <= 0 {
		return Never
	}
	return e.At.Add(t.StaleAfter).Add(1)
}
