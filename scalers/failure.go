package scalers

import (
	"math"
	"slices"
	"time"
)

// Fallback is the user's own answer to an unknown level. Like the limits, a pause and the idle count, it may lower the count
// although a level is unknown. It applies to a trigger after more than FailureThreshold failed readings in a row, and until
// a reading succeeds.
//
// A reading fails when its source could not be read or gave an impossible answer: a negative level, or a pod without a
// request. A failed reading counts once, however many decisions use it. A reading that found no ready pod has not failed. A
// level that has become too old is not a failed reading either: the source answered when it was last read, and the delay may
// be Impulse's own, which must not lower the count. After a restart a trigger is unknown until its first reading, and its
// failure count continues with that reading.
//
// A failure of a continuous trigger holds until its next event, as its levels do. It therefore counts by time, once each
// Interval, as if the source had been read. A failure of a sampled trigger counts by time from StaleAfter on, once for each
// full Interval without a reading: otherwise the fallback would never apply to a source that fails and then stays
// silent. Before StaleAfter, the next reading is perhaps just late. A failed reading of an instant that lies in an interval
// which has been counted already does not count again.
//
// A reading that gives a lower bound of the level (Event.AtLeast) neither fails nor succeeds: while it is the latest,
// nothing counts and the fallback does not apply.
//
// A trigger with Cap has no fallback: when it fails, it is unknown.
type Fallback struct {
	// FailureThreshold is the number of failed readings in a row that the fallback tolerates; 0 or more.
	FailureThreshold int32
	// Replicas is the count that Behavior refers to; 0 or more.
	Replicas int32
	Behavior FallbackBehavior
	// Interval is the polling interval of the triggers. With 0, a failure without further readings counts once.
	Interval time.Duration
}

// failure reports whether a reading that is unknown for this reason has failed.
func (u Unknown) failure() bool { return u == Failed || u == Negative || u == NoRequest }

// Failure counts the failed readings of a trigger in a row.
type Failure struct {
	// Trigger is a hash of the trigger's name.
	Trigger uint32
	// Count is the number of failed readings; 1 or more.
	Count int32
	// At is the instant of the last failed reading, plus one Interval for each time that this reading counted again. It is
	// zero after a restart, and after a reading that gave a lower bound (Event.AtLeast): the next failed reading sets it.
	At Instant
}

// countFailure counts a failed reading of trigger t, or ends the failure count, and reports whether the fallback applies to
// the trigger. It also enters the instant at which the fallback would apply, without further readings, into timer.stale.
func (c *chain) countFailure(t *Trigger, e *Event, why Unknown) bool {
	fallback := c.policy.Fallback
	if fallback == nil || t.Cap {
		return false
	}
	switch {
	case t.isLowerBound(e):
		if f := c.failureOf(t); f != nil && f.At != 0 {
			f.countSilence(c.now, t.silenceAllowed(), fallback.Interval)
			f.At = 0
		}
		return false
	case why == NotRead:
		return false
	case !why.failure():
		c.removeFailure(t)
		return false
	}
	f := c.addFailure(t)
	if f == nil {
		return false
	}
	if f.At == 0 {
		f.count(1)
		f.At = e.At
	}
	f.countSilence(c.now, t.silenceAllowed(), fallback.Interval)
	if !t.Continuous && e.At > f.At {
		f.count(1)
		f.At = e.At
	}
	c.timer.stale = min(c.timer.stale, f.exceedsAt(t.silenceAllowed(), fallback))
	return f.Count > fallback.FailureThreshold
}

func (f *Failure) count(n int64) { f.Count = int32(min(int64(f.Count)+n, math.MaxInt32)) }

// silenceAllowed returns the time for which a failure may be the latest reading before it counts again.
func (t *Trigger) silenceAllowed() time.Duration {
	switch {
	case t.Continuous:
		return 0
	case t.StaleAfter <= 0:
		return math.MaxInt64
	default:
		return t.StaleAfter
	}
}

// countSilence counts a failure once for each full interval since it became older than allowed.
func (f *Failure) countSilence(now Instant, allowed, interval time.Duration) {
	if interval <= 0 {
		return
	}
	if silent := now.Sub(f.At.Add(allowed)); silent > 0 {
		f.count(int64(silent / interval))
		f.At = f.At.Add(silent - silent%interval)
	}
}

// exceedsAt returns the instant at which a failure, without further readings, has counted more often than FailureThreshold;
// Never if it does not.
func (f *Failure) exceedsAt(allowed time.Duration, fallback *Fallback) Instant {
	more := int64(fallback.FailureThreshold) - int64(f.Count) + 1
	if fallback.Interval <= 0 || more <= 0 || more > math.MaxInt64/int64(fallback.Interval) {
		return Never
	}
	return f.At.Add(allowed).Add(time.Duration(more) * fallback.Interval)
}

// addFailure returns the failure count of a trigger, a new one if there is none; nil when there is no room.
func (c *chain) addFailure(t *Trigger) *Failure {
	if f := c.failureOf(t); f != nil {
		return f
	}
	m := c.memory
	if len(m.Failures) >= MaxTriggers {
		return nil
	}
	m.Failures = append(m.Failures, Failure{Trigger: t.hash()})
	return &m.Failures[len(m.Failures)-1]
}

// failureOf returns the failure count of a trigger; nil when there is none.
func (c *chain) failureOf(t *Trigger) *Failure {
	if len(c.memory.Failures) == 0 {
		return nil
	}
	m, id := c.memory, t.hash()
	for i := range m.Failures {
		if m.Failures[i].Trigger == id {
			return &m.Failures[i]
		}
	}
	return nil
}

// removeFailure removes the failure count of a trigger.
func (c *chain) removeFailure(t *Trigger) {
	if len(c.memory.Failures) == 0 {
		return
	}
	id := t.hash()
	c.memory.Failures = slices.DeleteFunc(c.memory.Failures, func(f Failure) bool { return f.Trigger == id })
}

// removeOldFailures removes the failure counts of triggers that the policy does not have, and all when it has no fallback.
func (c *chain) removeOldFailures() {
	if len(c.memory.Failures) == 0 {
		return
	}
	p := c.policy
	c.memory.Failures = slices.DeleteFunc(c.memory.Failures, func(f Failure) bool {
		return p.Fallback == nil || !slices.ContainsFunc(p.Triggers, func(t Trigger) bool { return t.hash() == f.Trigger })
	})
}

// hash is the FNV-1a hash of the trigger's name. Memory refers to triggers by it, so that it finds them again when others
// are added or removed.
func (t *Trigger) hash() uint32 {
	h := uint32(2166136261)
	for i := range len(t.Name) {
		h = (h ^ uint32(t.Name[i])) * 16777619
	}
	return h
}
