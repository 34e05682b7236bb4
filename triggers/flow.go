package triggers

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

const (
	// A reading is slow if it takes longer than 1/slowFraction of its interval, or than slowLimit.
	slowFraction = 4
	slowLimit    = time.Second
	// waitFraction: a group that is due waits for a slot for 1/waitFraction of its interval; then it preempts another reading.
	waitFraction = 5
	// reservedFraction: 1/reservedFraction of the slots is reserved for namespaces that use fewer slots than that.
	reservedFraction = 8
)

// speed classifies how long the last reading of a group took. It is unmeasured before the first reading.
type speed int

const (
	unmeasured speed = iota
	fast
	slow
)

// speedOf returns the class of a reading.
func speedOf(took, interval time.Duration) speed {
	if took < slowAfter(interval) {
		return fast
	}
	return slow
}

func slowAfter(interval time.Duration) time.Duration { return min(interval/slowFraction, slowLimit) }

// flow has the groups of one namespace, server and speed that are due or being read. The Poller's mutex guards it.
type flow struct {
	key     flowKey
	waiting queue
	reading []*group
	// shares are the counters that its readings count against, by scope.
	shares [scopes]*share
	// refusedBy is the share that had no slot left when the flow last requested one; nil if it was not refused. releasedThen is the
	// number of slots that this share had released by then, and couldPreempt whether the flow's first group could preempt.
	refusedBy    *share
	releasedThen int
	couldPreempt bool
}

type flowKey struct {
	namespace, server string
	speed             speed
}

// scope is a criterion by which readings are counted.
type scope int

const (
	scopeAll scope = iota
	scopeServer
	scopeNamespace
	scopeNamespaceAtServer
	scopeFlow
	scopes
)

// shareKey identifies a share: the scope, and the parts of a flowKey that matter in it.
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

// share counts, for everything with the same shareKey, the groups that are due or being read, the slots that they use, and the slots
// that they have released.
type share struct {
	due, used, released int
	// pace is that of a server.
	pace pace
}

// enqueue adds a group to the queue of a flow. The caller must hold p.mu.
func (p *Poller) enqueue(g *group, k flowKey) {
	f := p.flows[k]
	if f == nil {
		f = &flow{key: k}
		p.flows[k] = f
		for l := range f.shares {
			of := k.shareKey(scope(l))
			if p.shares[of] == nil {
				p.shares[of] = &share{pace: pace{limit: firstReadings}}
			}
			f.shares[l] = p.shares[of]
		}
	}
	for _, s := range f.shares {
		s.due++
	}
	g.flow = f
	g.wakeAt = g.wakeAt.Add(g.key.interval / waitFraction)
	heap.Push(&f.waiting, g)
}

// removeFromFlow removes a group that neither waits nor uses a slot from its flow. The caller must hold p.mu.
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

// acquireSlot gives a slot to a waiting group. The caller must hold p.mu.
func (p *Poller) acquireSlot(g *group) {
	f := g.flow
	heap.Remove(&f.waiting, g.index)
	f.reading = append(f.reading, g)
	f.refusedBy = nil
	for _, s := range f.shares {
		s.used++
	}
	if f.key.speed == unmeasured {
		f.shares[scopeServer].pace.inProgress++
	}
}

// releaseSlot releases the slot of a group and removes the group from its flow. The caller must hold p.mu.
func (p *Poller) releaseSlot(g *group) {
	f := g.flow
	f.reading = slices.DeleteFunc(f.reading, func(other *group) bool { return other == g })
	for _, s := range f.shares {
		s.used--
		s.released++
	}
	if f.key.speed == unmeasured {
		f.shares[scopeServer].pace.inProgress--
	}
	p.removeFromFlow(g)
}

// before orders flows: first by the slots that their namespace, their server and they themselves use, then by urgency.
func (f *flow) before(other *flow) int {
	return cmp.Or(
		cmp.Compare(f.shares[scopeNamespace].used, other.shares[scopeNamespace].used),
		cmp.Compare(f.shares[scopeNamespaceAtServer].used, other.shares[scopeNamespaceAtServer].used),
		cmp.Compare(f.shares[scopeFlow].used, other.shares[scopeFlow].used),
		f.waiting[0].urgency().Compare(other.waiting[0].urgency()),
	)
}

// stillRefused reports whether a flow was refused a slot and nothing has changed since that could give it one.
func (f *flow) stillRefused(now time.Time) bool {
	return f.refusedBy != nil && f.refusedBy.released == f.releasedThen && (f.couldPreempt || now.Before(f.waiting[0].wakeAt))
}

// waitingFlows returns the flows that wait for a slot and may get one. The caller must hold p.mu.
func (p *Poller) waitingFlows(now time.Time) []*flow {
	var all []*flow
	for _, f := range p.flows {
		if len(f.waiting) > 0 && !f.stillRefused(now) {
			all = append(all, f)
		}
	}
	return all
}

// Waiting returns the number of readings that are due and wait for a slot.
func (p *Poller) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, f := range p.flows {
		n += len(f.waiting)
	}
	return n
}

// assignSlot gives a slot to the first group of a flow and returns the group; nil if there is no slot. If no slot is free and the group
// has waited long enough, it preempts a reading. The caller must hold p.mu.
func (p *Poller) assignSlot(f *flow, now time.Time) *group {
	waited := !now.Before(f.waiting[0].wakeAt)
	if f.isPaced(waited) {
		f.refuse(f.shares[scopeServer], waited)
		return nil
	}
	if full := p.exhausted(f); full != nil {
		if f.refuse(full, waited); !waited || !p.preempt(f, full) {
			return nil
		}
	}
	g := f.waiting[0]
	p.acquireSlot(g)
	return g
}

// refuse records that a flow got no slot because of a share.
func (f *flow) refuse(by *share, couldPreempt bool) {
	f.refusedBy, f.releasedThen, f.couldPreempt = by, by.released, couldPreempt
}

// exhausted returns the share that has no slot left for a flow; nil if a slot is free.
func (p *Poller) exhausted(f *flow) *share {
	switch {
	case !f.shares[scopeServer].hasSlot(p.perServer, f.shares[scopeNamespaceAtServer]):
		return f.shares[scopeServer]
	case !f.shares[scopeAll].hasSlot(p.slots, f.shares[scopeNamespace]):
		return f.shares[scopeAll]
	}
	return nil
}

// hasSlot reports whether one of the slots of s is free for part, which is one of those that share them.
func (s *share) hasSlot(slots int, part *share) bool {
	reserved := slots / reservedFraction
	return s.used < slots-reserved || s.used < slots && part.used < reserved
}

// preempt ends a reading in favor of f, which found no slot in the share full: the oldest one of the flow that mostOverShare returns. It
// reports whether there is such a flow. The caller must hold p.mu.
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
	if g.stop != nil { // If it is nil, startReading ends the reading.
		g.stop(errPreempted)
	}
	return true
}

// mostOverShare returns the flow to preempt in favor of f; nil if there is none. At the first scope of by in which a flow uses at least
// two slots more than f, it returns the flow that uses the most. In the first scope it compares f with the flows that share the scope
// among with f, in each later one with those that share the scope before.
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

// usesMore reports whether f uses more slots than other, scope by scope.
func (f *flow) usesMore(other *flow, by []scope) bool {
	for _, l := range by {
		if f.shares[l].used != other.shares[l].used {
			return f.shares[l].used > other.shares[l].used
		}
	}
	return false
}
