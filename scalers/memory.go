package scalers

import (
	"math"
	"slices"
	"time"
)

// maxEntries bounds each list of a Memory.
const maxEntries = 64

// Record is a recommendation: the maximum over the triggers, before windows, rates and limits.
type Record struct {
	// End is the end of the time in which it was the recommendation. A sampled one stands for its instant, a continuous
	// one until the next; so does the last one before something unknown. Never while it stands.
	End   Instant
	Count int32
}

// Change is a write of ours that changed the count.
type Change struct {
	At Instant
	By int32
}

// Memory is what must outlive a decision. It is small, bounded and serialisable; the zero Memory is that of a workload
// that has never been seen. Its times are those of Input.Now.
type Memory struct {
	// Highs and Lows are the recommendations that the scale-down and the scale-up window still need, oldest first. One that
	// a later one is as extreme as is not kept: Highs fall and Lows rise, and the last of each is the last recommendation.
	Highs, Lows []Record
	// Changes are the writes that the rate policies still need, oldest first.
	Changes []Change
	// Failures are those in a row of the triggers that cannot be read, while the policy has a fallback.
	Failures []Failure
	// Bases are what the step triggers add to whose level is above zero, as far as is known.
	Bases []Base
	// LastActive is the last instant at which a trigger was active; zero: never. ActiveStands is true while a continuous
	// trigger is active. Active is true when some trigger was at the last decision.
	LastActive       Instant
	ContinuousActive bool
	Active           bool
	// Readings is a fingerprint of the readings that the last decision saw: another one means that one has arrived.
	Readings uint64
	// Seen is true once the workload has been decided on.
	Seen bool
}

// Clone returns a copy that shares nothing with m.
func (m Memory) Clone() Memory {
	m.Highs, m.Lows = slices.Clone(m.Highs), slices.Clone(m.Lows)
	m.Changes, m.Failures, m.Bases = slices.Clone(m.Changes), slices.Clone(m.Failures), slices.Clone(m.Bases)
	return m
}

// Scaled returns the memory of a workload whose count we changed at an instant. Decide does not know whether its answer
// was written, and only what was written counts against rate policies: the owner of the workload reports each write that
// succeeded, once. A write that changed nothing is none. It consumes m, as Decide does.
func (m Memory) Scaled(p *Policy, at Instant, from, to int32) Memory {
	longest := p.longestPeriod()
	if n := len(m.Changes); n > 0 {
		at = max(at, m.Changes[n-1].At)
	}
	m.Changes = slices.DeleteFunc(m.Changes, func(c Change) bool { return at >= c.At.Add(longest) })
	if from == to || longest == 0 {
		return m
	}
	m.Changes = append(m.Changes, Change{At: at, By: saturate(int64(to) - int64(from))})
	if len(m.Changes) > maxEntries {
		m.Changes = merge(m.Changes, longest, Change.at, func(a, b Change) Change {
			return Change{At: b.At, By: saturate(int64(a.By) + int64(b.By))}
		})
	}
	return m
}

// Recommended returns a memory in which n was recommended for the instant at, as a reading would have. It is how a test or
// a conversion says what happened before; calls are in the order of time. It consumes m.
func (m Memory) Recommended(p *Policy, at Instant, n int32) Memory {
	m.Seen = true
	return m.recommend(p, at, at, n)
}

// Resume returns the memory of a workload that nobody looked after until now: what lies in the future becomes now, and what
// was recommended last stands until something is known again. What was active counts as active until now: a memory is kept
// when an outcome changes, and may be from long before the last reading. The time between does not count for what fails. It
// consumes m.
func (m Memory) Resume(now Instant) Memory {
	for _, list := range [...][]Record{m.Highs, m.Lows} {
		for i := range list {
			if list[i].End != Never {
				list[i].End = min(list[i].End, now)
			}
		}
	}
	for i := range m.Changes {
		m.Changes[i].At = min(m.Changes[i].At, now)
	}
	for i := range m.Failures {
		m.Failures[i].At = 0
	}
	m.LastActive = min(m.LastActive, now)
	if m.Active {
		m.LastActive = now
	}
	m.stand()
	return m
}

// recommend records a recommendation of this instant that stands until end.
func (m Memory) recommend(p *Policy, now, end Instant, count int32) Memory {
	r := Record{End: end, Count: count}
	m.Highs = push(m.Highs, now, p.Down.Window, r, func(old, by int32) bool { return old <= by })
	m.Lows = push(m.Lows, now, p.Up.Window, r, func(old, by int32) bool { return old >= by })
	return m
}

// push ends the record that stands and appends r, without those that have left the window and those that r outlives.
func push(list []Record, now Instant, window time.Duration, r Record, outlived func(old, by int32) bool) []Record {
	if n := len(list); n > 0 {
		last := &list[n-1]
		if last.End > now {
			last.End = now
			if n > 1 {
				last.End = max(now, list[n-2].End)
			}
		}
		r.End = max(r.End, last.End)
	}
	kept := len(list)
	for kept > 0 && outlived(list[kept-1].Count, r.Count) {
		kept--
	}
	gone := 0
	for gone < kept && now >= list[gone].End.Add(window) {
		gone++
	}
	list = list[:kept]
	if gone > 0 {
		list = list[:copy(list, list[gone:])]
	}
	list = append(list, r)
	if len(list) > maxEntries {
		// The older of two is the more extreme.
		list = merge(list, window, Record.end, func(a, b Record) Record { return Record{End: b.End, Count: a.Count} })
	}
	return list
}

// stand lets the last record stand until the next.
func (m Memory) stand() {
	for _, list := range [...][]Record{m.Highs, m.Lows} {
		if n := len(list); n > 0 {
			list[n-1].End = Never
		}
	}
}

// since returns the writes after an instant.
func (m Memory) since(t Instant) []Change {
	i := len(m.Changes)
	for i > 0 && m.Changes[i-1].At > t {
		i--
	}
	return m.Changes[i:]
}

// outdated reports whether the record that stands is another one than count.
func (m Memory) outdated(count int32) bool {
	n := len(m.Highs)
	return n > 0 && m.Highs[n-1].End == Never && m.Highs[n-1].Count != count
}

func (r Record) end() Instant { return r.End }
func (c Change) at() Instant  { return c.At }

// merge joins neighbours that fall into the same slice of the time they are kept for: what they forbid may end later by
// that slice, never earlier. A slice is 1/62 of that time and aligned to the clock: then 63 cover it wherever it begins,
// with the last entry, which stays as it is, there are 64, and no entry is carried on from slice to slice.
func merge[T any](entries []T, kept time.Duration, at func(T) Instant, join func(older, newer T) T) []T {
	slice := Instant(kept)/(maxEntries-2) + 1
	last := entries[len(entries)-1]
	out := entries[:1]
	for _, e := range entries[1 : len(entries)-1] {
		if o := &out[len(out)-1]; at(*o)/slice == at(e)/slice {
			*o = join(*o, e)
		} else {
			out = append(out, e)
		}
	}
	return append(out, last)
}

// saturate returns n as a difference of counts.
func saturate(n int64) int32 { return int32(min(max(n, math.MinInt32), math.MaxInt32)) }

// longestPeriod is how long a change of the count is remembered.
func (p *Policy) longestPeriod() time.Duration {
	var longest time.Duration
	for _, b := range [...]*Behavior{&p.Up, &p.Down} {
		for i := range b.Policies {
			longest = max(longest, b.Policies[i].Period)
		}
	}
	return longest
}
