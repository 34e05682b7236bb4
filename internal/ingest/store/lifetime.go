package store

import (
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

const (
	// defaultTTL is the time after its last delivery at which an alert becomes stale, if the query has no TTL. It goes with a repeat interval of 4
	// hours, Alertmanager's default.
	defaultTTL = 12 * time.Hour
	// MaxTTL is the longest ttl of a query.
	MaxTTL = 7 * 24 * time.Hour
	// defaultWindow is how long after a resolve a firing of the same activation does not count.
	defaultWindow = time.Minute
	// lateFiringTTL is the longest ttl of a late firing that was not repeated after the window: it then is stale, and ends after twice that
	// time.
	lateFiringTTL = 10 * time.Minute
	// longestUnwritten bounds how far the LastSeen of a durable record may be behind.
	longestUnwritten = 3 * time.Hour
)

// forever is later than any time of a record.
var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// expiryPolicy determines how long a record counts for one watcher. Its methods are pure.
type expiryPolicy struct {
	ttl, window time.Duration
	// onAbsence: an alert ends when complete deliveries of its group leave it out for the window.
	onAbsence bool
	// pushed: the records are levels, which count until they are replaced, or until their own ttl expires.
	pushed bool
}

// policyOf returns the policy of a query, with the defaults for what it leaves open.
func policyOf(q *triggers.AlertQuery) expiryPolicy {
	p := expiryPolicy{ttl: q.TTL, window: q.LateWindow, onAbsence: q.AbsentMeansResolved, pushed: isTriggerQuery(q)}
	if p.ttl <= 0 {
		p.ttl = defaultTTL
	}
	p.ttl = min(p.ttl, MaxTTL)
	if p.window <= 0 {
		p.window = defaultWindow
	}
	return p
}

// defaultPolicy applies to alerts that no query selects.
var defaultPolicy = expiryPolicy{ttl: defaultTTL, window: defaultWindow}

// lifetime is when a record begins to count, when it becomes stale, and when it ends. The zero lifetime is over.
type lifetime struct{ start, stale, end time.Time }

// state is where a record is in its lifetime.
type state struct {
	// waits: the record will count. stale: it counts, and was not repeated.
	waits, counts, stale bool
	// next is when the state changes unless something is delivered; zero means never.
	next time.Time
}

// state returns the state of a record.
func (p expiryPolicy) state(r *record, now time.Time) state {
	return p.lifetime(r, r.LastSeen.Time, r.until()).at(now)
}

func (l lifetime) at(now time.Time) state {
	s := state{}
	switch {
	case now.Before(l.start):
		s.waits, s.next = l.start.Before(l.end), l.start
	case now.Before(l.stale):
		s.counts, s.next = true, earlier(l.stale, l.end)
	case now.Before(l.end):
		s.counts, s.stale, s.next = true, true, l.end
	}
	if !s.next.Before(forever) {
		s.next = time.Time{}
	}
	return s
}

// lifetime returns the lifetime of a record, with its LastSeen and its Until replaced by other times.
func (p expiryPolicy) lifetime(r *record, seen, until time.Time) lifetime {
	var l lifetime
	switch {
	case p.pushed && r.Firing:
		l.stale, l.end = until, until
		if r.missed(until, seen) {
			l.end = later(until, r.downTo.Add(until.Sub(seen)))
		}
		return l
	case p.pushed:
		return l
	case r.Firing:
		l = lifetimeByTTL(r, seen, p.ttl)
	case r.LateFiring != nil:
		l = p.ofLateFiring(r, seen)
	default:
		return l
	}
	if p.onAbsence && r.AbsentSince != nil {
		gone := r.AbsentSince.Add(p.window)
		l.stale, l.end = earlier(l.stale, gone), earlier(l.end, gone)
	}
	return l
}

// lifetimeByTTL returns the lifetime of an alert that counts from a time on: one ttl, and one more while it is stale. An alert that
// would have ended while the process was down counts for one more ttl after that.
func lifetimeByTTL(r *record, from time.Time, ttl time.Duration) lifetime {
	l := lifetime{stale: from.Add(ttl), end: from.Add(2 * ttl)}
	if r.missed(l.end, from) {
		l.end = later(l.end, r.downTo.Add(ttl))
	}
	return l
}

// ofLateFiring returns the lifetime of a late firing: from the end of the window on, and for a short time unless it was repeated
// after the window.
func (p expiryPolicy) ofLateFiring(r *record, seen time.Time) lifetime {
	windowEnd := r.ResolvedAt.Add(p.window)
	start := later(r.LateFiring.Time, windowEnd)
	l := lifetimeByTTL(r, start, min(lateFiringTTL, p.ttl))
	if !seen.Before(windowEnd) {
		l = lifetimeByTTL(r, seen, p.ttl)
	}
	l.start = start
	return l
}

// worthWriting reports whether a record was repeated so much later than it was written that a restart would end it too early: by a
// quarter of a ttl.
func (p expiryPolicy) worthWriting(r *record) bool {
	if p.pushed {
		return r.Until != nil && r.Until.Sub(r.writtenUntil) >= r.Until.Sub(r.LastSeen.Time)/4 && r.Until.After(r.writtenUntil)
	}
	now, written := p.lifetime(r, r.LastSeen.Time, r.until()), p.lifetime(r, r.writtenSeen, r.until())
	return now.end.Sub(written.end) >= p.unwritten()
}

// unwritten is how far the LastSeen of the durable record may be behind.
func (p expiryPolicy) unwritten() time.Duration { return min(p.ttl/4, longestUnwritten) }

// countsFrom is when a record that waits begins to count; zero for any other.
func (s state) countsFrom() time.Time {
	if !s.waits {
		return time.Time{}
	}
	return s.next
}

// expiresAt is when a stale record ends; zero for any other.
func (s state) expiresAt() time.Time {
	if !s.stale {
		return time.Time{}
	}
	return s.next
}

// visible reports whether a watcher receives the record.
func (s state) visible() bool { return s.counts || s.waits }

// fresh reports whether a record counts and is not stale.
func (s state) fresh() bool { return s.counts && !s.stale }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
