package scalers

import (
	"math"
	"slices"
	"time"
)

// maxEntries is the bound of Highs, Lows and Changes of a Memory.
const maxEntries = 64

// Record is a recommendation: what the winner asks for after tolerance, before windows, rate policies and limits.
type Record struct {
	// End is the end of the time for which it was the recommendation. That of a sampled trigger is the instant of the
	// recommendation, that of a continuous one the next recommendation. The last recommendation before an unknown level lasts
	// until the next, too. Never while it lasts.
	End Instant
	// Count is in replicas; 0 or more.
	Count int32
}

// Change is a write by Impulse that changed the count.
type Change struct {
	// At is when the write succeeded.
	At Instant
	// By is the number of replicas that were added, or removed when it is negative.
	By int32
}

// Memory is what must outlive a decision. It is small and bounded, and [Memory.MarshalText] encodes it. The zero Memory is
// that of a workload that has not been decided on. Its times are instants of the same clock as Input.Now.
type Memory struct {
	// Highs and Lows are the recommendations that the scale-down and the scale-up window still need, oldest first; at most 64.
	// A record is dropped when a later one is at least as extreme, so that counts fall in Highs and rise in Lows. The last of
	// each is the last recommendation.
	Highs, Lows []Record
	// Changes are the writes that the rate policies still need, oldest first; at most 64.
	Changes []Change
	// Failures are the failed readings in a row of the triggers that fail, while the policy has a fallback; at most
	// MaxTriggers.
	Failures []Failure
	// Bases are the counts that step triggers add to, of those that were above zero when last known; at most MaxTriggers.
	Bases []Base
	// LastActive is the last instant at which a trigger was active. Zero is never.
	LastActive Instant
	// ContinuousActive is true when a continuous trigger was active in the last decision, and Active when any was.
	ContinuousActive bool
	Active           bool
	// Readings is a fingerprint of the readings of the last decision. Another one means that a reading has arrived.
	Readings uint64
	// Seen is true after the first decision.
	Seen bool
}

// Clone returns a copy that shares nothing with m.
func (m Memory) Clone() Memory {
	m.Highs, m.Lows = slices.Clone(m.Highs), slices.Clone(m.Lows)
	m.Changes, m.Failures, m.Bases = slices.Clone(m.Changes), slices.Clone(m.Failures), slices.Clone(m.Bases)
	return m
}

// Scaled returns m with a write by Impulse that succeeded at an instant. Only writes that succeeded count against rate
// policies, and Decide does not know of them, so the caller records each of them once. A write that did not change the count
// is not recorded. Scaled consumes m, as Decide does.
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

// Recommended returns m with a recommendation of n replicas at an instant, as if a sampled reading had given it. It
// states what happened earlier, where the readings of that time are not known. Calls must be in the order of time. Recommended
// consumes m.
func (m Memory) Recommended(p *Policy, at Instant, n int32) Memory {
	m.Seen = true
	return m.recommend(p, at, at, n)
}

// Resume returns m for a workload for which no decisions were made until now, as after a restart. Times in the future become
// now. The last recommendation lasts until a level is known again. A workload that was active counts as active until now,
// because m may have been stored long before the last reading. The gap does not count as a failure of any trigger. Resume
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
	m.extendLast()
	return m
}

// recommend records a recommendation of this instant that lasts until end.
func (m Memory) recommend(p *Policy, now, end Instant, count int32) Memory {
	r := Record{End: end, Count: count}
	m.Highs = push(m.Highs, now, p.Down.Window, r, func(old, by int32) bool { return old <= by })
	m.Lows = push(m.Lows, now, p.Up.Window, r, func(old, by int32) bool { return old >= by })
	return m
}

// push ends the last record and appends r. It drops records that have left the window, and those that r makes unnecessary.
func push(list []Record, now Instant, window time.Duration, r Record, dropped func(old, by int32) bool) []Record {
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
	for kept > 0 && dropped(list[kept-1].Count, r.Count) {
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

// extendLast makes the last record last until the next.
func (m Memory) extendLast() {
	for _, list := range [...][]Record{m.Highs, m.Lows} {
		if n := len(list); n > 0 {
			list[n-1].End = Never
		}
	}
}

// since returns the changes after an instant.
func (m Memory) since(t Instant) []Change {
	i := len(m.Changes)
	for i > 0 && m.Changes[i-1].At > t {
		i--
	}
	return m.Changes[i:]
}

// outdated reports whether the last record still lasts and has another count.
func (m Memory) outdated(count int32) bool {
	n := len(m.Highs)
	return n > 0 && m.Highs[n-1].End == Never && m.Highs[n-1].Count != count
}

func (r Record) end() Instant { return r.End }
func (c Change) at() Instant  { return c.At }

// merge joins neighbours in the same slice of the time for which entries are kept. What they forbid may end up to one slice
// later, never earlier. A slice is 1/62 of that time and aligned to the clock. So 63 slices cover it wherever it begins, and
// with the last entry, which is not merged, there are at most 64. No entry moves from slice to slice.
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

// saturate converts a difference of counts to 32 bits.
func saturate(n int64) int32 { return int32(min(max(n, math.MinInt32), math.MaxInt32)) }

// longestPeriod returns how long a write is remembered.
func (p *Policy) longestPeriod() time.Duration {
	var longest time.Duration
	for _, b := range [...]*Behavior{&p.Up, &p.Down} {
		for i := range b.Policies {
			longest = max(longest, b.Policies[i].Period)
		}
	}
	return longest
}
