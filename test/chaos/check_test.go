package chaos

import (
	"fmt"
	"math"
	"slices"
	"time"
)

const (
	// prompt is the time within which replicas are right after an acceptance.
	prompt = 2 * time.Second
	// flight is the longest time from a decision to the observation of its write, without a fault; landing is that with a fault.
	flight, landing = time.Second, 6 * time.Second
	// stale is the greatest age of a reading of a queue or a query on which a decision is based.
	stale = 10 * time.Second
	// wake is the longest time after a pause until a write arrives that was in flight when the pause began.
	wake = 3 * time.Second
	// aftermath is how long after its end a fault may still have an effect.
	aftermath = 500 * time.Millisecond
)

// timelineCheck checks a timeline against the promises of docs/reliability.md.
type timelineCheck struct {
	*ledger

	policies map[string]*policy
	objects  []*object
}

// required returns the instances of an object's alert that must count at an instant: a firing was accepted, and no resolve that
// ends it had been sent.
func (v *timelineCheck) required(object string, at time.Time) []string {
	set := map[string]bool{}
	for _, d := range v.deliveries {
		if d.alert.object == object && d.firing && !d.accepted.IsZero() && !d.accepted.After(at) && !v.ended(d, at, false) {
			set[d.alert.instance] = true
		}
	}
	return sorted(set)
}

// possible returns the instances that may count at an instant: a firing was sent, and no resolve that ends it was accepted.
func (v *timelineCheck) possible(object string, at time.Time) []string {
	set := map[string]bool{}
	for _, d := range v.deliveries {
		if d.alert.object == object && d.firing && !d.sent.After(at) && !v.ended(d, at, true) {
			set[d.alert.instance] = true
		}
	}
	return sorted(set)
}

// ended reports whether a resolve that ends a firing was sent, or accepted, by an instant.
func (v *timelineCheck) ended(d *sentMessage, at time.Time, accepted bool) bool {
	return slices.ContainsFunc(v.deliveries, func(r *sentMessage) bool {
		if r.alert != d.alert || r.firing || r.ends.Before(d.starts) {
			return false
		}
		if accepted {
			return !r.accepted.IsZero() && !r.accepted.After(at)
		}
		return !r.sent.After(at)
	})
}

// instants returns the instants between two, both included, at which a level of an object changed.
func (v *timelineCheck) instants(object string, from, to time.Time) []time.Time {
	all := []time.Time{from, to}
	for _, d := range v.deliveries {
		if d.alert.object != object {
			continue
		}
		for _, at := range []time.Time{d.sent, d.accepted} {
			if at.After(from) && at.Before(to) {
				all = append(all, at)
			}
		}
	}
	return all
}

// least returns the lowest count that was required at any instant of an interval.
func (v *timelineCheck) least(o *object, from, to time.Time) int32 {
	l := levels{}
	if o.queue || o.query {
		l.queue = v.lowest(o.name, from.Add(-stale), to)
		l.query = l.queue
	}
	least := int32(math.MaxInt32)
	for _, at := range v.instants(o.name, from, to) {
		l.firing = v.required(o.name, at)
		least = min(least, v.policies[o.name].least(l))
	}
	return least
}

// lowest returns the lowest value of a queue or query within an interval.
func (v *timelineCheck) lowest(object string, from, to time.Time) int {
	lowest, before := math.MaxInt, 0
	for _, x := range v.values {
		switch {
		case x.object != object || x.at.After(to):
		case x.at.Before(from):
			before = x.least
		default:
			lowest = min(lowest, x.least)
		}
	}
	return min(lowest, before)
}

// slowestBareWrite returns the longest time of a bare write within an interval.
func (v *timelineCheck) slowestBareWrite(from, to time.Time) time.Duration {
	longest := time.Duration(0)
	for _, h := range v.bareWrites {
		if h.at.Add(h.took).After(from) && h.at.Before(to) {
			longest = max(longest, h.took)
		}
	}
	return longest
}

// faulty reports whether a fault could delay writes of an Impulse at some instant of an interval.
func (v *timelineCheck) faulty(impulse int, from, to time.Time) bool {
	return slices.ContainsFunc(v.faults, func(t *activeFault) bool {
		return t.mayDelay(impulse) && t.from.Before(to) && t.until.Add(aftermath).After(from)
	})
}

// checkWrites checks that no write was below the count that the alerts accepted before its decision require.
func (v *timelineCheck) checkWrites() {
	forgiven := map[string]bool{}
	for _, w := range v.writes {
		o := v.object(w.object)
		back := flight + 3*v.slowestBareWrite(w.at.Add(-landing), w.at)
		if v.faulty(everyImpulse, w.at.Add(-landing), w.at) {
			back = landing
		}
		least := v.least(o, w.at.Add(-back), w.at)
		if w.to >= least || w.to >= w.from && o.loweringDelay < 0 {
			continue
		}
		if t := v.inFlight(w); t != nil && !forgiven[o.name+t.from.String()] {
			forgiven[o.name+t.from.String()] = true
			continue
		}
		v.wrong = append(v.wrong, fmt.Sprintf("%s %s was written %d → %d: what was accepted asks for %d (%v)",
			stamp(w.at.Sub(v.began)), w.object, w.from, w.to, least, v.required(w.object, w.at.Add(-back))))
	}
}

// inFlight returns the pause of a process or its connection during which a write may have been in flight: the pause has just
// ended, and the count was still that of before.
func (v *timelineCheck) inFlight(w write) *activeFault {
	for _, t := range v.faults {
		if t.delaysMessages() && w.at.After(t.until) && w.at.Before(t.until.Add(wake)) && t.counts[w.object] == w.from {
			return t
		}
	}
	return nil
}

func (v *timelineCheck) object(name string) *object {
	for _, o := range v.objects {
		if o.name == name {
			return o
		}
	}
	return &object{name: name}
}

// checkLatency checks that without a fault replicas are right within two seconds of an acceptance, plus the time that the machine
// needs for a bare write. It returns the number of acceptances that were checked.
func (v *timelineCheck) checkLatency() (judged int) {
	for _, d := range v.deliveries {
		if d.accepted.IsZero() {
			continue
		}
		o := v.object(d.alert.object)
		if d.firing && v.checkPrompt(o, d, prompt, func(n int32, from, to time.Time) bool { return n >= v.least(o, from, to) }) {
			judged++
		}
		if d.firing || o.loweringDelay < 0 {
			continue
		}
		if v.checkPrompt(o, d, prompt+o.loweringDelay, func(n int32, from, to time.Time) bool { return n <= v.most(o, from, to) }) {
			judged++
		}
	}
	return judged
}

// most returns the highest count that was possible at any instant of an interval.
func (v *timelineCheck) most(o *object, from, to time.Time) int32 {
	most := int32(0)
	for _, at := range v.instants(o.name, from, to) {
		most = max(most, v.policies[o.name].most(levels{firing: v.possible(o.name, at)}))
	}
	return most
}

// prompt checks that an object had a right count at some instant of an interval. It returns false when a fault makes that
// impossible to check.
func (v *timelineCheck) checkPrompt(o *object, d *sentMessage, within time.Duration, right func(n int32, from, to time.Time) bool) bool {
	from := d.accepted
	within += 5 * v.slowestBareWrite(from, from.Add(within))
	to := from.Add(within)
	if v.faulty(d.leader, from, to) || len(v.bareWrites) == 0 || v.bareWrites[len(v.bareWrites)-1].at.Before(to) {
		return false
	}
	had := v.countsWithin(o, from, to)
	if !slices.ContainsFunc(had, func(n int32) bool { return right(n, from, to) }) {
		v.wrong = append(v.wrong, fmt.Sprintf("%s %s had %v replicas in the %s after an acceptance (firing for sure %v, perhaps %v)",
			stamp(from.Sub(v.began)), o.name, had, within, v.required(o.name, to), v.possible(o.name, to)))
	}
	return true
}

// countsWithin returns the counts of an object within an interval.
func (v *timelineCheck) countsWithin(o *object, from, to time.Time) []int32 {
	had := []int32{o.start}
	for _, w := range v.writes {
		switch {
		case w.object != o.name || w.at.After(to):
		case w.at.Before(from):
			had = []int32{w.to}
		default:
			had = append(had, w.to)
		}
	}
	return had
}
