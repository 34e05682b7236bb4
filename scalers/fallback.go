package scalers

import (
	"math"
	"slices"
	"time"
)

// FallbackBehavior says which count a trigger asks for while it cannot be read. The names are KEDA's.
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
	// FallbackScalingModifiers leaves it to the formula, which sees the trigger as missing; Replicas where that gives no
	// number. It goes with a formula.
	FallbackScalingModifiers
)

// Fallback is the user's own answer to what is unknown: it may lower. It speaks for a trigger from more than
// FailureThreshold failed readings in a row on, and until one succeeds.
//
// A reading fails when its source could not be read, or said what cannot be: a negative level, a pod without a request. It
// counts once, however often it is decided on. One that found no ready pod has not failed, and a level that becomes too old is
// no reading: the source was well when it was last heard of, and what is missing since may be our own slowness, which must
// not lower. Before the first reading after a restart the trigger is unknown as any other is, but its count goes on with that
// reading.
//
// The failure of a continuous trigger stands as its levels do. So it counts by time and not by event, once each Interval, as
// if it had been asked. That of a sampled one counts so from StaleAfter on, once for each full Interval in which its source
// stays silent: there, failing is the last that is known of it, and a source that died with its failure would otherwise never
// be given up. Until then the next reading may just be late. Of the silence and a reading in it only one counts.
//
// A reading that says how high the level is at least neither fails nor succeeds: while it stands nothing counts, and the
// fallback does not speak.
//
// A trigger that only caps has no fallback: it is unknown.
type Fallback struct {
	FailureThreshold, Replicas int32
	Behavior                   FallbackBehavior
	// Interval is the pollingInterval; 0: a failure that stands counts once.
	Interval time.Duration
}

// failure reports whether a reading that is unknown for this reason is one that failed.
func (u Unknown) failure() bool { return u == Failed || u == Negative || u == NoRequest }

// Failure counts the failed readings of a trigger in a row.
type Failure struct {
	// Trigger is a hash of its name.
	Trigger uint32
	Count   int32
	// At is the last failed reading, moved on by an Interval for each time that it counted again because it stands. Zero when
	// nobody looked after the workload since, or something else was read.
	At Instant
}

// fails counts a reading of trigger t that failed, or the end of its failures, and reports whether there are more in a row
// than the policy bears. It makes sure that a decision is taken when there will be.
func (c *chain) fails(t *Trigger, e *Event, why Unknown) bool {
	limit := c.policy.Fallback
	if limit == nil || t.Cap {
		return false
	}
	switch {
	case t.limitsBelow(e):
		if f := c.failed(t); f != nil && f.At != 0 {
			f.stand(c.now, t.patience(), limit.Interval)
			f.At = 0
		}
		return false
	case why == NotRead:
		return false
	case !why.failure():
		c.succeeded(t)
		return false
	}
	f := c.failures(t)
	if f == nil {
		return false
	}
	if f.At == 0 {
		f.count(1)
		f.At = e.At
	}
	f.stand(c.now, t.patience(), limit.Interval)
	if !t.Continuous && e.At > f.At {
		f.count(1)
		f.At = e.At
	}
	c.stale = min(c.stale, f.reaches(t.patience(), limit))
	return f.Count > limit.FailureThreshold
}

func (f *Failure) count(n int64) { f.Count = int32(min(int64(f.Count)+n, math.MaxInt32)) }

// patience is how long a failure stands before it counts again.
func (t *Trigger) patience() time.Duration {
	switch {
	case t.Continuous:
		return 0
	case t.StaleAfter <= 0:
		return math.MaxInt64
	default:
		return t.StaleAfter
	}
}

// stand counts a failure once for each full interval that it has stood for after its patience.
func (f *Failure) stand(now Instant, patience, interval time.Duration) {
	if interval <= 0 {
		return
	}
	if stood := now.Sub(f.At.Add(patience)); stood > 0 {
		f.count(int64(stood / interval))
		f.At = f.At.Add(stood - stood%interval)
	}
}

// reaches is when a failure that stands has counted more often than the limit bears.
func (f *Failure) reaches(patience time.Duration, limit *Fallback) Instant {
	more := int64(limit.FailureThreshold) - int64(f.Count) + 1
	if limit.Interval <= 0 || more <= 0 || more > math.MaxInt64/int64(limit.Interval) {
		return Never
	}
	return f.At.Add(patience).Add(time.Duration(more) * limit.Interval)
}

// failures returns what is counted for a trigger, from nothing on when nothing is; nil when there is no room.
func (c *chain) failures(t *Trigger) *Failure {
	if f := c.failed(t); f != nil {
		return f
	}
	m := c.memory
	if len(m.Failures) >= MaxTriggers {
		return nil
	}
	m.Failures = append(m.Failures, Failure{Trigger: t.hash()})
	return &m.Failures[len(m.Failures)-1]
}

// failed returns what is counted for a trigger; nil when nothing is.
func (c *chain) failed(t *Trigger) *Failure {
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

// succeeded forgets the failures of a trigger.
func (c *chain) succeeded(t *Trigger) {
	if len(c.memory.Failures) == 0 {
		return
	}
	id := t.hash()
	c.memory.Failures = slices.DeleteFunc(c.memory.Failures, func(f Failure) bool { return f.Trigger == id })
}

// forgetFailures forgets those of triggers that the policy does not have, or of all when it has no fallback.
func (c *chain) forgetFailures() {
	if len(c.memory.Failures) == 0 {
		return
	}
	p := c.policy
	c.memory.Failures = slices.DeleteFunc(c.memory.Failures, func(f Failure) bool {
		return p.Fallback == nil || !slices.ContainsFunc(p.Triggers, func(t Trigger) bool { return t.hash() == f.Trigger })
	})
}

// hash is FNV-1a of the name: what is remembered of a trigger finds it again when others come and go.
func (t *Trigger) hash() uint32 {
	h := uint32(2166136261)
	for i := range len(t.Name) {
		h = (h ^ uint32(t.Name[i])) * 16777619
	}
	return h
}

// fallback is the count that the fallback asks for, for trigger t of a workload with so many replicas.
func (p *Policy) fallback(t *Trigger, current int32) int32 {
	n := p.Fallback.Replicas
	switch p.Fallback.Behavior {
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

// fallsBack lets the fallback speak for a trigger. It is active when that asks for more than the workload has at rest.
func (c *chain) fallsBack(i int, e *Event, q *Proposal) {
	t := &c.policy.Triggers[i]
	q.Fallback, c.fallbacks = true, true
	q.Replicas = c.policy.fallback(t, c.current)
	if t.tellsActivity() && q.Replicas > max(c.policy.Idle, 0) {
		q.Active = true
		c.active(i, e)
	}
}

// applyFallback takes what the fallback asks for into the maximum. While another trigger is unknown and has no fallback yet
// nothing is lowered. A is the index of the trigger that it asks most for, B how much that is.
func (c *chain) applyFallback() {
	if !c.fallbacks {
		return
	}
	most := ask{trigger: -1}
	for i := range c.decision.Proposals() {
		q, t := &c.decision.proposals[i], &c.policy.Triggers[i]
		if q.Fallback && !t.Input {
			q.Replicas = c.policy.fallback(t, c.base)
			most.atLeast(ask{trigger: i, replicas: min(q.Replicas, c.cap.replicas), continuous: t.Continuous})
		}
	}
	by, n := most.trigger, most.replicas
	if !c.blind {
		most.atLeast(ask{replicas: c.demand, continuous: c.continuous})
	}
	c.demand, c.continuous = most.replicas, most.continuous
	c.blind, c.unknown = false, c.unresolved
	to := c.demand
	if c.holds() {
		to = c.base
	}
	c.step(Step{Rule: RuleFallback, To: to, Until: Never, A: int64(by), B: int64(n)})
}
