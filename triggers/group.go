package triggers

import (
	"container/heap"
	"context"
	"slices"
	"time"
)

// groupKey says which readers are the same.
type groupKey struct {
	PollKey

	interval time.Duration
}

// group is one reader and all who hear of its readings. The Poller's mutex guards it.
type group struct {
	key  groupKey
	subs []*subscriber
	// due orders the queue where it waits, and index is its place there: Poller.later until it is due, which is at; then that
	// of its flow, until it is read, and at is when it loses its patience. The index is -1 while it is being read. A reading
	// whose place was taken away has no flow.
	due   time.Time
	index int
	flow  *flow
	speed speed
	// done is closed once the reading in flight, which began at began, has been delivered; stop ends it early. Both are nil
	// between readings.
	began time.Time
	done  chan struct{}
	stop  context.CancelCauseFunc
	// last is the newest reading, taken at read; read is zero before the first.
	last     reading
	lastRead time.Time
}

// subscribe adds a subscriber to its group, which is read at once when it is new. A newcomer hears at once what was read
// within the last interval. The returned function takes it out again and returns when nothing of it is left.
func (p *Poller) subscribe(key groupKey, s *subscriber) func() {
	s.mu.Lock() // Held until the newcomer knows the last reading, so that a newer one cannot come before it.
	defer s.mu.Unlock()
	p.mu.Lock()
	g := p.groups[key]
	if g == nil {
		g = &group{key: key}
		p.groups[key] = g
		p.schedule(g, time.Now())
	}
	g.subs = append(g.subs, s)
	last, known := g.last, !g.lastRead.IsZero() && time.Since(g.lastRead) < key.interval
	p.mu.Unlock()
	if known {
		s.notifyLocked(last)
	}
	return func() { p.unsubscribe(g, s) }
}

// unsubscribe takes a subscriber out of its group. With the last one goes the group: its reading in flight is ended.
func (p *Poller) unsubscribe(g *group, s *subscriber) {
	p.mu.Lock()
	g.subs = slices.DeleteFunc(g.subs, func(other *subscriber) bool { return other == s })
	var done chan struct{}
	if len(g.subs) == 0 {
		delete(p.groups, g.key)
		if done = g.done; g.stop != nil {
			g.stop(nil)
		}
		p.dequeue(g)
	}
	p.mu.Unlock()
	s.close()
	if done != nil {
		<-done
	}
}

// dequeue takes a group out of the queue where it waits; p.mu is held.
func (p *Poller) dequeue(g *group) {
	switch {
	case g.index < 0:
	case g.flow != nil:
		heap.Remove(&g.flow.waiting, g.index)
		p.removeFromFlow(g)
	default:
		heap.Remove(&p.scheduled, g.index)
	}
}

// queue is a heap of groups, the most urgent first.
type queue []*group

// Len is how many groups wait.
func (q *queue) Len() int { return len(*q) }

// Less orders by how urgent groups are.
func (q *queue) Less(i, j int) bool { return (*q)[i].due.Before((*q)[j].due) }

// Swap keeps the places that groups know of themselves.
func (q *queue) Swap(i, j int) {
	(*q)[i], (*q)[j] = (*q)[j], (*q)[i]
	(*q)[i].index, (*q)[j].index = i, j
}

// Push adds a *group, for container/heap.
func (q *queue) Push(x any) {
	g, _ := x.(*group)
	g.index = len(*q)
	*q = append(*q, g)
}

// Pop removes the last group, for container/heap.
func (q *queue) Pop() any {
	old := *q
	g := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	g.index = -1
	return g
}
