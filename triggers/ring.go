package triggers

import (
	"math"
	"time"
)

// tick is the time between the instants at which groups are read, from their second reading on. All that are due within a tick are read
// together: a process that wakes up for each of them alone spends most of its CPU on waking up.
const tick = 50 * time.Millisecond

// ring has the groups with one interval at one server. They are read at instants that divide the interval evenly, however many there are:
// the group at place i is read at anchor plus the i-th multiple of the golden ratio modulo 1, in intervals, in the tick of that instant. Every
// beginning of this sequence divides the interval evenly, and so does every section of it. When a group leaves, the last one takes its place,
// so that the places are a beginning again. The Poller's mutex guards it.
type ring struct {
	anchor  time.Time
	members []*group
}

// ringOf returns the key of the ring of a group.
func ringOf(k groupKey) groupKey { return groupKey{PollKey{Server: k.Server}, k.interval} }

// joinRing adds a new group to its ring. The caller must hold p.mu.
func (p *Poller) joinRing(g *group, now time.Time) {
	k := p.ringOf(g.key)
	r := p.rings[k]
	if r == nil {
		r = &ring{anchor: p.tickOf(now.Add(p.second(now, k.interval)))}
		p.rings[k] = r
	}
	g.ring, g.place = r, len(r.members)
	r.members = append(r.members, g)
}

// leaveRing removes a group from its ring. The group that takes its place is still read when it is due by its old place, so that no time
// between two readings is longer than the interval. The caller must hold p.mu.
func (p *Poller) leaveRing(g *group) {
	r, last := g.ring, len(g.ring.members)-1
	moved := r.members[last]
	r.members[g.place], moved.place = moved, g.place
	r.members[last] = nil
	r.members = r.members[:last]
	if last == 0 {
		delete(p.rings, p.ringOf(g.key))
	}
}

// tickOf returns the beginning of the tick with an instant. All rings have the same ticks, unless an interval is not a multiple of a tick.
func (p *Poller) tickOf(at time.Time) time.Time {
	since := at.Sub(p.began) % tick
	if since < 0 {
		since += tick
	}
	return at.Add(-since)
}

// next returns the first instant after a time at which a group is to be read: at most an interval later.
func (g *group) next(after time.Time) time.Time {
	_, part := math.Modf(float64(g.place) / math.Phi)
	phase := g.ring.anchor.Add(time.Duration(part * float64(g.key.interval)).Truncate(tick))
	since := after.Sub(phase) % g.key.interval
	if since < 0 {
		since += g.key.interval
	}
	return after.Add(g.key.interval - since)
}
