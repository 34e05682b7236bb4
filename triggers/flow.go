package triggers

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

const (
	// slowPart is the part of its interval beyond which a reading is slow, and longestPrompt the longest that is not.
	slowPart      = 4
	longestPrompt = time.Second
	// patience is the part of its interval that a due group waits for a place before one is taken from a namespace, or
	// a server, that holds more than its share.
	patience = 5
	// reserve is the part of the places that is kept for namespaces that hold fewer than that, so that they need no patience.
	reserve = 8
)

// pace is how long the last reading of a group took, measured by its interval.
type pace int

const (
	unread pace = iota
	prompt
	slow
)

// paceOf is the pace of a reading that took so long.
func paceOf(took, interval time.Duration) pace {
	if took < slowAfter(interval) {
		return prompt
	}
	return slow
}

func slowAfter(interval time.Duration) time.Duration { return min(interval/slowPart, longestPrompt) }

// flow is the groups of one namespace that ask one server and have one pace: those that are due, and those that are being
// read. The Poller's mutex guards it.
type flow struct {
	key     flowKey
	waiting queue
	reading []*group
	// shares are what its readings count against, by level.
	shares [levels]*share
	// full is the share that had no place left for it when it was looked at last, given what that one had given back by
	// then, and pressed whether its first group had lost its patience; nil: it has not been refused.
	full    *share
	given   int
	pressed bool
}

type flowKey struct {
	namespace, server string
	pace              pace
}

// level is by what readings are counted.
type level int

const (
	whole level = iota
	ofServer
	ofNamespace
	ofNamespaceAtServer
	ofFlow
	levels
)

// shareKey names who holds places: the parts of a flowKey that a level looks at.
type shareKey struct {
	level level
	flowKey
}

func (k flowKey) at(l level) shareKey {
	switch l {
	case whole:
		return shareKey{level: l}
	case ofServer:
		return shareKey{l, flowKey{server: k.server}}
	case ofNamespace:
		return shareKey{l, flowKey{namespace: k.namespace}}
	case ofNamespaceAtServer:
		return shareKey{l, flowKey{namespace: k.namespace, server: k.server}}
	default:
		return shareKey{l, k}
	}
}

// share counts the groups of whoever it is that are due or being read, the places that they hold, and those that they have
// given back since they were due.
type share struct{ due, held, given int }

// enter lets a group wait in a flow for a place; p.mu is held.
func (p *Poller) enter(g *group, k flowKey) {
	f := p.flows[k]
	if f == nil {
		f = &flow{key: k}
		p.flows[k] = f
		for l := range f.shares {
			of := k.at(level(l))
			if p.shares[of] == nil {
				p.shares[of] = &share{}
			}
			f.shares[l] = p.shares[of]
		}
	}
	for _, s := range f.shares {
		s.due++
	}
	g.flow = f
	g.at = g.at.Add(g.key.interval / patience)
	heap.Push(&f.waiting, g)
}

// leaveFlow takes a group that waits for nothing and holds nothing out of its flow; p.mu is held.
func (p *Poller) leaveFlow(g *group) {
	f := g.flow
	g.flow = nil
	for l, s := range f.shares {
		if s.due--; s.due == 0 {
			delete(p.shares, f.key.at(level(l)))
		}
	}
	if f.shares[ofFlow].due == 0 {
		delete(p.flows, f.key)
	}
}

// sit gives a place to a group that waits; p.mu is held.
func (p *Poller) sit(g *group) {
	f := g.flow
	heap.Remove(&f.waiting, g.index)
	f.reading = append(f.reading, g)
	f.full = nil
	for _, s := range f.shares {
		s.held++
	}
}

// rise takes a group's place back; p.mu is held.
func (p *Poller) rise(g *group) {
	f := g.flow
	f.reading = slices.DeleteFunc(f.reading, func(other *group) bool { return other == g })
	for _, s := range f.shares {
		s.held--
		s.given++
	}
	p.leaveFlow(g)
}

// before orders flows: those whose namespace holds least come first, and then the most urgent.
func (f *flow) before(other *flow) int {
	return cmp.Or(
		cmp.Compare(f.shares[ofNamespace].held, other.shares[ofNamespace].held),
		cmp.Compare(f.shares[ofNamespaceAtServer].held, other.shares[ofNamespaceAtServer].held),
		cmp.Compare(f.shares[ofFlow].held, other.shares[ofFlow].held),
		f.waiting[0].at.Compare(other.waiting[0].at),
	)
}

// refused reports whether a flow has been refused a place, and nothing has changed since that could give it one.
func (f *flow) refused(now time.Time) bool {
	return f.full != nil && f.full.given == f.given && (f.pressed || now.Before(f.waiting[0].at))
}

// hungry returns the flows that wait for a place and may get one; p.mu is held.
func (p *Poller) hungry(now time.Time) []*flow {
	var all []*flow
	for _, f := range p.flows {
		if len(f.waiting) > 0 && !f.refused(now) {
			all = append(all, f)
		}
	}
	return all
}

// seat gives the first group of a flow a place, and returns it; nil when there is none for it. A group that has lost its
// patience takes the place of one whose namespace or flow holds more than its share; p.mu is held.
func (p *Poller) seat(f *flow, now time.Time) *group {
	if full := p.full(f); full != nil {
		f.full, f.given, f.pressed = full, full.given, !now.Before(f.waiting[0].at)
		if !f.pressed || !p.displace(f, full) {
			return nil
		}
	}
	g := f.waiting[0]
	p.sit(g)
	return g
}

// full returns the share that has no place left for a flow; nil when there is one.
func (p *Poller) full(f *flow) *share {
	switch {
	case !f.shares[ofServer].hasRoom(p.perServer, f.shares[ofNamespaceAtServer]):
		return f.shares[ofServer]
	case !f.shares[whole].hasRoom(p.places, f.shares[ofNamespace]):
		return f.shares[whole]
	}
	return nil
}

// hasRoom reports whether one of so many places is left for a part of those who share them.
func (s *share) hasRoom(places int, part *share) bool {
	kept := places / reserve
	return s.held < places-kept || s.held < places && part.held < kept
}

// displace ends the oldest reading of whoever holds more than its share of what is full, and reports whether there is one;
// p.mu is held.
func (p *Poller) displace(f *flow, full *share) bool {
	among, by := whole, []level{ofNamespace, ofNamespaceAtServer, ofFlow}
	if full == f.shares[ofServer] {
		among, by = ofServer, by[1:]
	}
	most := p.mostBeyond(f, among, by)
	if most == nil {
		return false
	}
	g := slices.MinFunc(most.reading, func(a, b *group) int { return a.began.Compare(b.began) })
	p.rise(g)
	if g.stop != nil { // Otherwise it finds out when it begins.
		g.stop(errDisplaced)
	}
	return true
}

// mostBeyond returns the flow that holds more than its share beside f: at the first of the levels where somebody holds at
// least two places more than f, whoever holds most. Those who share a level with f are compared at the next.
func (p *Poller) mostBeyond(f *flow, among level, by []level) *flow {
	for i, l := range by {
		var most *flow
		for _, other := range p.flows {
			if len(other.reading) > 0 && other.shares[among] == f.shares[among] && (most == nil || other.holdsMore(most, by[i:])) {
				most = other
			}
		}
		if most != nil && most.shares[l].held > f.shares[l].held+1 {
			return most
		}
		among = l
	}
	return nil
}

// holdsMore compares what two flows hold, level by level.
func (f *flow) holdsMore(other *flow, by []level) bool {
	for _, l := range by {
		if f.shares[l].held != other.shares[l].held {
			return f.shares[l].held > other.shares[l].held
		}
	}
	return false
}
