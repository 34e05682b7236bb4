package triggers

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

const (
	// slowFraction is the part of its interval beyond which a reading is slow, and longestPrompt the longest that is not.
	slowFraction = 4
	slowLimit    = time.Second
	// waitFraction is the part of its interval that a due group waits for a place before one is taken from a namespace, or
	// a server, that holds more than its share.
	waitFraction = 5
	// reservedFraction is the part of the places that is kept for namespaces that hold fewer than that, so that they need no patience.
	reservedFraction = 8
)

// speed is how long the last reading of a group took, measured by its interval.
type speed int

const (
	unmeasured speed = iota
	fast
	slow
)

// speedOf is the pace of a reading that took so long.
func speedOf(took, interval time.Duration) speed {
	if took < slowAfter(interval) {
		return fast
	}
	return slow
}

func slowAfter(interval time.Duration) time.Duration { return min(interval/slowFraction, slowLimit) }

// flow is the groups of one namespace that ask one server and have one pace: those that are due, and those that are being
// read. The Poller's mutex guards it.
type flow struct {
	key     flowKey
	waiting queue
	reading []*group
	// shares are what its readings count against, by level.
	shares [scopes]*share
	// refusedBy is the share that had no place left for it when it was looked at last, given what that one had given back by
	// then, and pressed whether its first group had lost its patience; nil: it has not been refused.
	refusedBy    *share
	releasedThen int
	overdue      bool
}

type flowKey struct {
	namespace, server string
	speed             speed
}

// scope is by what readings are counted.
type scope int

const (
	scopeAll scope = iota
	scopeServer
	scopeNamespace
	scopeNamespaceAtServer
	scopeFlow
	scopes
)

// shareKey names who holds places: the parts of a flowKey that a level looks at.
type shareKey struct {
	scope scope
	flowKey
}

func (k flowKey) shareKey(l scope) shareKey {
	switch l {
	case scopeAll:
		return shareKey{scope: l}
	case scopeServer:
		return shareKey{l, flowKey{server: k.server}}
	case scopeNamespace:
		return shareKey{l, flowKey{namespace: k.namespace}}
	case scopeNamespaceAtServer:
		return shareKey{l, flowKey{namespace: k.namespace, server: k.server}}
	default:
		return shareKey{l, k}
	}
}

// share counts the groups of whoever it is that are due or being read, the places that they hold, and those that they have
// given back since they were due.
type share struct{ due, used, released int }

// enqueue lets a group wait in a flow for a place; p.mu is held.
func (p *Poller) enqueue(g *group, k flowKey) {
	f := p.flows[k]
	if f == nil {
		f = &flow{key: k}
		p.flows[k] = f
		for l := range f.shares {
			of := k.shareKey(scope(l))
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
	g.due = g.due.Add(g.key.interval / waitFraction)
	heap.Push(&f.waiting, g)
}

// removeFromFlow takes a group that waits for nothing and holds nothing out of its flow; p.mu is held.
func (p *Poller) removeFromFlow(g *group) {
	f := g.flow
	g.flow = nil
	for l, s := range f.shares {
		if s.due--; s.due == 0 {
			delete(p.shares, f.key.shareKey(scope(l)))
		}
	}
	if f.shares[scopeFlow].due == 0 {
		delete(p.flows, f.key)
	}
}

// acquireSlot gives a place to a group that waits; p.mu is held.
func (p *Poller) acquireSlot(g *group) {
	f := g.flow
	heap.Remove(&f.waiting, g.index)
	f.reading = append(f.reading, g)
	f.refusedBy = nil
	for _, s := range f.shares {
		s.used++
	}
}

// releaseSlot takes a group's place back; p.mu is held.
func (p *Poller) releaseSlot(g *group) {
	f := g.flow
	f.reading = slices.DeleteFunc(f.reading, func(other *group) bool { return other == g })
	for _, s := range f.shares {
		s.used--
		s.released++
	}
	p.removeFromFlow(g)
}

// before orders flows: those whose namespace holds least come first, and then the most urgent.
func (f *flow) before(other *flow) int {
	return cmp.Or(
		cmp.Compare(f.shares[scopeNamespace].used, other.shares[scopeNamespace].used),
		cmp.Compare(f.shares[scopeNamespaceAtServer].used, other.shares[scopeNamespaceAtServer].used),
		cmp.Compare(f.shares[scopeFlow].used, other.shares[scopeFlow].used),
		f.waiting[0].due.Compare(other.waiting[0].due),
	)
}

// stillRefused reports whether a flow has been refused a place, and nothing has changed since that could give it one.
func (f *flow) stillRefused(now time.Time) bool {
	return f.refusedBy != nil && f.refusedBy.released == f.releasedThen && (f.overdue || now.Before(f.waiting[0].due))
}

// waitingFlows returns the flows that wait for a place and may get one; p.mu is held.
func (p *Poller) waitingFlows(now time.Time) []*flow {
	var all []*flow
	for _, f := range p.flows {
		if len(f.waiting) > 0 && !f.stillRefused(now) {
			all = append(all, f)
		}
	}
	return all
}

// assignSlot gives the first group of a flow a place, and returns it; nil when there is none for it. A group that has lost its
// patience takes the place of one whose namespace or flow holds more than its share; p.mu is held.
func (p *Poller) assignSlot(f *flow, now time.Time) *group {
	if full := p.exhausted(f); full != nil {
		f.refusedBy, f.releasedThen, f.overdue = full, full.released, !now.Before(f.waiting[0].due)
		if !f.overdue || !p.preempt(f, full) {
			return nil
		}
	}
	g := f.waiting[0]
	p.acquireSlot(g)
	return g
}

// exhausted returns the share that has no place left for a flow; nil when there is one.
func (p *Poller) exhausted(f *flow) *share {
	switch {
	case !f.shares[scopeServer].hasSlot(p.perServer, f.shares[scopeNamespaceAtServer]):
		return f.shares[scopeServer]
	case !f.shares[scopeAll].hasSlot(p.slots, f.shares[scopeNamespace]):
		return f.shares[scopeAll]
	}
	return nil
}

// hasSlot reports whether one of so many places is left for a part of those who share them.
func (s *share) hasSlot(places int, part *share) bool {
	kept := places / reservedFraction
	return s.used < places-kept || s.used < places && part.used < kept
}

// preempt ends the oldest reading of whoever holds more than its share of what is full, and reports whether there is one;
// p.mu is held.
func (p *Poller) preempt(f *flow, full *share) bool {
	among, by := scopeAll, []scope{scopeNamespace, scopeNamespaceAtServer, scopeFlow}
	if full == f.shares[scopeServer] {
		among, by = scopeServer, by[1:]
	}
	most := p.mostOverShare(f, among, by)
	if most == nil {
		return false
	}
	g := slices.MinFunc(most.reading, func(a, b *group) int { return a.began.Compare(b.began) })
	p.releaseSlot(g)
	if g.stop != nil { // Otherwise it finds out when it begins.
		g.stop(errPreempted)
	}
	return true
}

// mostOverShare returns the flow that holds more than its share beside f: at the first of the levels where somebody holds at
// least two places more than f, whoever holds most. Those who share a level with f are compared at the next.
func (p *Poller) mostOverShare(f *flow, among scope, by []scope) *flow {
	for i, l := range by {
		var most *flow
		for _, other := range p.flows {
			if len(other.reading) > 0 && other.shares[among] == f.shares[among] && (most == nil || other.usesMore(most, by[i:])) {
				most = other
			}
		}
		if most != nil && most.shares[l].used > f.shares[l].used+1 {
			return most
		}
		among = l
	}
	return nil
}

// usesMore compares what two flows hold, level by level.
func (f *flow) usesMore(other *flow, by []scope) bool {
	for _, l := range by {
		if f.shares[l].used != other.shares[l].used {
			return f.shares[l].used > other.shares[l].used
		}
	}
	return false
}
