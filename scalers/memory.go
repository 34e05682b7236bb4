package scalers

import (
	"slices"
	"time"
)

// maxEntries bounds each list of a Memory.
const maxEntries = 64

// Record is a recommendation: the demand before windows, rates and limits, and until when it stood.
type Record struct {
	// To is the end of the time in which it was the recommendation: a sampled one stands for its instant, a continuous one
	// until the next; Never while it stands.
	To Instant
	// Low and High are the same but for records that were merged.
	Low, High int32
}

// Change is a write of ours that changed the count.
type Change struct {
	At Instant
	By int32
}

// Memory is what must outlive a decision. It is small, bounded and serialisable; the zero Memory is that of a workload
// that has never been seen.
type Memory struct {
	// Records are the recommendations that the windows still need, oldest first.
	Records []Record
	// Changes are the writes that the rate policies still need, oldest first.
	Changes []Change
	// LastActive is the last instant at which a trigger was active; zero: never. ActiveStands is true while a continuous
	// trigger is active.
	LastActive   Instant
	ActiveStands bool
	// Read is the time of the newest reading that a decision has seen: one that is newer has arrived since.
	Read Instant
	// Seen is true once the workload has been decided on.
	Seen bool
}

// Clone returns a copy that shares nothing with m.
func (m Memory) Clone() Memory {
	m.Records, m.Changes = slices.Clone(m.Records), slices.Clone(m.Changes)
	return m
}

// Scaled returns the memory of a workload whose count we changed. Only what was written counts against rate policies. It
// consumes m.
func (m Memory) Scaled(p *Policy, at Instant, from, to int32) Memory {
	longest := p.longestPeriod()
	m.Changes = slices.DeleteFunc(m.Changes, func(c Change) bool { return at >= c.At.Add(longest) })
	if from == to || longest == 0 {
		return m
	}
	if len(m.Changes) >= maxEntries {
		m.Changes = merge(m.Changes, longest, Change.at, func(a, b Change) Change { return Change{max(a.At, b.At), a.By + b.By} })
	}
	m.Changes = append(m.Changes, Change{At: at, By: to - from})
	return m
}

// Resume returns a memory that was loaded after an absence: what lies in the future becomes now, and what was recommended
// last stands until something is known again.
func (m Memory) Resume(now Instant) Memory {
	for i := range m.Records {
		if m.Records[i].To != Never {
			m.Records[i].To = min(m.Records[i].To, now)
		}
	}
	for i := range m.Changes {
		m.Changes[i].At = min(m.Changes[i].At, now)
	}
	m.LastActive = min(m.LastActive, now)
	m.Read = min(m.Read, now)
	m.stand()
	return m
}

// add appends a record, without those that no window can need any more.
func (m *Memory) add(p *Policy, now Instant, r Record) {
	longest := max(p.Up.Window, p.Down.Window)
	m.Records = slices.DeleteFunc(m.Records, func(old Record) bool {
		// A later record that is as low and as high outlives it in every window.
		return now >= old.To.Add(longest) || (r.Low <= old.Low && r.High >= old.High && r.To >= old.To)
	})
	if len(m.Records) >= maxEntries {
		m.Records = merge(m.Records, longest, Record.at, func(a, b Record) Record {
			return Record{max(a.To, b.To), min(a.Low, b.Low), max(a.High, b.High)}
		})
	}
	m.Records = append(m.Records, r)
}

// stand lets the last record stand until the next.
func (m *Memory) stand() {
	if n := len(m.Records); n > 0 {
		m.Records[n-1].To = Never
	}
}

// end ends the record that stands, because another takes its place.
func (m *Memory) end(now Instant) {
	if n := len(m.Records); n > 0 && m.Records[n-1].To > now {
		m.Records[n-1].To = now
	}
}

func (r Record) at() Instant { return r.To }
func (c Change) at() Instant { return c.At }

// merge joins the entries that fall into the same 1/64 of the longest time they are kept for, and the two oldest when
// that is not enough: a change of the answer may come later by that slice, never earlier.
func merge[T any](entries []T, longest time.Duration, at func(T) Instant, join func(T, T) T) []T {
	slice := max(Instant(longest)/maxEntries, 1)
	out := entries[:1]
	for _, e := range entries[1:] {
		if last := &out[len(out)-1]; at(*last)/slice == at(e)/slice {
			*last = join(*last, e)
		} else {
			out = append(out, e)
		}
	}
	if len(out) >= maxEntries {
		out[1] = join(out[0], out[1])
		out = slices.Delete(out, 0, 1)
	}
	return out
}

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
