package store

import (
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// defaultLease is how long an alert counts without being repeated, for a query that does not say so; it goes with a repeat
	// interval of 4 hours, which is Alertmanager's default.
	defaultLease = 12 * time.Hour
	// MaxTTL is the longest lease that a query may have.
	MaxTTL = 7 * 24 * time.Hour
	// defaultWindow is how long after a resolve a repeat of the same activation is doubtful.
	defaultWindow = time.Minute
	// doubtfulLease is how long an alert counts that came back in doubt and was not heard of after the window.
	doubtfulLease = 10 * time.Minute
	// longestUnwritten bounds how old the time at which an alert was last seen may be in the durable record.
	longestUnwritten = 3 * time.Hour
)

// forever is later than anything that is told.
var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// patience is what one watcher thinks of facts: how long what was heard counts.
type patience struct {
	lease, window time.Duration
	// absent: an alert that is absent from whole deliveries of its group is over.
	absent bool
	// direct: the levels of a direct door count until they are replaced, or until their TTL has passed.
	direct bool
}

// patienceOf fills in what a query leaves open.
func patienceOf(q *triggers.AlertQuery) patience {
	p := patience{lease: q.TTL, window: q.StaleWindow, absent: q.AbsentMeansResolved, direct: isDirect(q)}
	if p.lease <= 0 {
		p.lease = defaultLease
	}
	p.lease = min(p.lease, MaxTTL)
	if p.window <= 0 {
		p.window = defaultWindow
	}
	return p
}

// everybody is the patience that an alert is kept with while nobody selects it.
var everybody = patience{lease: defaultLease, window: defaultWindow}

// life is from when a record counts, from when it does so unconfirmed, and when it is over.
type life struct{ begin, stale, over time.Time }

// standing is where a record stands in its life; waits: it will count. next is when it will stand elsewhere if nothing is
// delivered; zero: never.
type standing struct {
	waits, counts, stale bool
	next                 time.Time
}

// of returns where a record stands.
func (p patience) of(r *fact, now time.Time) standing {
	return p.life(r, r.LastSeen.Time, r.until()).at(now)
}

func (l life) at(now time.Time) standing {
	s := standing{}
	switch {
	case now.Before(l.begin):
		s.waits, s.next = l.begin.Before(l.over), l.begin
	case now.Before(l.stale):
		s.counts, s.next = true, earlier(l.stale, l.over)
	case now.Before(l.over):
		s.counts, s.stale, s.next = true, true, l.over
	}
	if !s.next.Before(forever) {
		s.next = time.Time{}
	}
	return s
}

// life is that of a record which was last seen at a time, and pushed until another.
func (p patience) life(r *fact, seen, until time.Time) life {
	var l life
	switch {
	case p.direct && r.Firing:
		l.stale, l.over = until, until
		if r.missed(until, seen) { // Whoever repeats it could not.
			l.over = later(until, r.gapTo.Add(until.Sub(seen)))
		}
		return l
	case p.direct:
		return l
	case r.Firing:
		l = p.leased(r, seen, p.lease)
	case r.StaleFiring != nil:
		l = p.doubtful(r, seen)
	default:
		return l
	}
	if p.absent && r.AbsentSince != nil {
		gone := r.AbsentSince.Add(p.window)
		l.stale, l.over = earlier(l.stale, gone), earlier(l.over, gone)
	}
	return l
}

// leased is the life of an alert by its lease. One whose life would have ended while nobody could repeat it counts for one
// more lease from then on.
func (p patience) leased(r *fact, from time.Time, lease time.Duration) life {
	l := life{stale: from.Add(lease), over: from.Add(2 * lease)}
	if r.missed(l.over, from) {
		l.over = later(l.over, r.gapTo.Add(lease))
	}
	return l
}

// doubtful is the life of an alert that was heard of after its resolve: a late delivery, or it has begun again. Unless it was
// heard of after the window as well, it counts for a short time only.
func (p patience) doubtful(r *fact, seen time.Time) life {
	ends := r.ResolvedAt.Add(p.window)
	begin := later(r.StaleFiring.Time, ends)
	l := p.leased(r, begin, min(doubtfulLease, p.lease))
	if !seen.Before(ends) {
		l = p.leased(r, seen, p.lease)
	}
	l.begin = begin
	return l
}

// worthWriting reports whether so much has been heard since the last write that a restart would think otherwise: a quarter
// of a lease.
func (p patience) worthWriting(r *fact) bool {
	if p.direct {
		return r.Until != nil && r.Until.Sub(r.writtenUntil) >= r.Until.Sub(r.LastSeen.Time)/4 && r.Until.After(r.writtenUntil)
	}
	is, was := p.life(r, r.LastSeen.Time, r.until()), p.life(r, r.writtenSeen, r.until())
	return is.over.Sub(was.over) >= p.unwritten()
}

// unwritten is how much later than written an alert may have been seen.
func (p patience) unwritten() time.Duration { return min(p.lease/4, longestUnwritten) }

// begins is when a record that waits begins to count; zero for any other.
func (s standing) begins() time.Time {
	if !s.waits {
		return time.Time{}
	}
	return s.next
}

// over is when a record that is stale is over; zero for any other.
func (s standing) over() time.Time {
	if !s.stale {
		return time.Time{}
	}
	return s.next
}

// visible reports whether a watcher is shown the record.
func (s standing) visible() bool { return s.counts || s.waits }

// plain reports whether a record counts, and is not stale.
func (s standing) plain() bool { return s.counts && !s.stale }

// State is whether a stored alert counts for a query, and why not.
type State struct {
	// Counts reports whether it counts. One that is Stale does, and was not repeated for the query's lease.
	Counts, Stale bool
	// Begins is when one that waits for the end of its stale window begins to count; zero for any other.
	Begins time.Time
	// EndedBy is what ended one that nobody resolved: EndedByLease, EndedByAbsence or EndedByTTL; "" for any other.
	EndedBy string
}

// What ends an alert that nobody resolves.
const (
	EndedByExpiry  = "lease"
	EndedByAbsence = "absence"
	EndedByTTL     = "ttl"
)

// StateOf returns the opinion of a query on an alert as it is stored. The process that records knows two things more: repeats
// that it has not written yet, and alerts that count for one more lease because nobody could deliver them for a while.
func StateOf(a *v1alpha1.AlertRecord, q *triggers.AlertQuery, now time.Time) State {
	r, p := newFact(completed(*a)), patienceOf(q)
	s := p.of(r, now)
	o := State{Counts: s.counts, Stale: s.stale, Begins: s.begins()}
	switch {
	case s.visible() || r.class() == isResolved:
	case !p.direct && p.absent && r.AbsentSince != nil:
		o.EndedBy = EndedByAbsence
	default:
		o.EndedBy = EndedByTTL
	}
	return o
}

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
