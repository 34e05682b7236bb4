package triggers

import (
	"container/heap"
	"context"
	"slices"
	"time"
)

// groupKey says which readers are the same.
type groupKey struct {
	key      string
	interval time.Duration
}

// group is one reader and all who hear of its readings. The Poller's mutex guards it.
type group struct {
	key  groupKey
	subs []*subscriber
	// due is when it is read next; lane is where it waits and index its place there, -1 while it is being read.
	due   time.Time
	lane  *lane
	index int
	// done is closed once the reading in flight, which began at began, has been delivered; stop ends it early. Both are nil
	// between readings.
	began time.Time
	done  chan struct{}
	stop  context.CancelFunc
	// last is the newest reading, taken at read; read is zero before the first.
	last reading
	read time.Time
}

// join adds a subscriber to its group, which is read at once when it is new. A newcomer hears at once what was read
// within the last interval. The returned function takes it out again and returns when nothing of it is left.
func (p *Poller) join(key groupKey, s *subscriber) func() {
	s.mu.Lock() // Held until the newcomer knows the last reading, so that a newer one cannot come before it.
	defer s.mu.Unlock()
	p.mu.Lock()
	g := p.groups[key]
	if g == nil {
		g = &group{key: key, lane: &p.prompt}
		p.groups[key] = g
		p.schedule(g, time.Now())
	}
	g.subs = append(g.subs, s)
	last, known := g.last, !g.read.IsZero() && time.Since(g.read) < key.interval
	p.mu.Unlock()
	if known {
		s.tell(last)
	}
	return func() { p.leave(g, s) }
}

// leave takes a subscriber out of its group. With the last one goes the group: its reading in flight is ended.
func (p *Poller) leave(g *group, s *subscriber) {
	p.mu.Lock()
	g.subs = slices.DeleteFunc(g.subs, func(other *subscriber) bool { return other == s })
	var done chan struct{}
	if len(g.subs) == 0 {
		delete(p.groups, g.key)
		if done = g.done; g.stop != nil {
			g.stop()
		}
		if g.index >= 0 {
			heap.Remove(&g.lane.waiting, g.index)
		}
	}
	p.mu.Unlock()
	s.silence()
	if done != nil {
		<-done
	}
}

// dueQueue is a heap of groups by when they are due.
type dueQueue []*group

// Len is how many groups wait.
func (q *dueQueue) Len() int { return len(*q) }

// Less orders by when a group is due.
func (q *dueQueue) Less(i, j int) bool { return (*q)[i].due.Before((*q)[j].due) }

// Swap keeps the places that groups know of themselves.
func (q *dueQueue) Swap(i, j int) {
	(*q)[i], (*q)[j] = (*q)[j], (*q)[i]
	(*q)[i].index, (*q)[j].index = i, j
}

// Push adds a *group, for container/heap.
func (q *dueQueue) Push(x any) {
	g, _ := x.(*group)
	g.index = len(*q)
	*q = append(*q, g)
}

// Pop removes the last group, for container/heap.
func (q *dueQueue) Pop() any {
	old := *q
	g := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	g.index = -1
	return g
}
