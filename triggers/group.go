package triggers

import (
	"container/heap"
	"context"
	"slices"
	"time"
)

// groupKey identifies a group: readers with the same key share their readings.
type groupKey struct {
	PollKey

	interval time.Duration
}

// group has all subscribers that share readings. The Poller's mutex guards it.
type group struct {
	key  groupKey
	subs []*subscriber
	// A group waits in Poller.scheduled until it is due, then in the queue of its flow until it gets a slot. index is its position
	// there, and -1 while it is being read. wakeAt orders both queues: it is when the group becomes due, and then when it may
	// preempt. flow is nil before the group is due, and after its reading was preempted.
	wakeAt time.Time
	index  int
	flow   *flow
	speed  speed
	// began is when the last reading began. done is closed when it has been delivered; stop cancels it. Both are nil between
	// readings.
	began time.Time
	done  chan struct{}
	stop  context.CancelCauseFunc
	// early is true if credentials have changed since the last reading began.
	early bool
	// last is the newest reading, and lastBegan when it began: the zero time before the first reading.
	last      reading
	lastBegan time.Time
	// headStart is by how much earlier the group counts as due before its first reading, and 0 afterwards.
	headStart time.Duration
	// ring and place determine when the group is read.
	ring  *ring
	place int
}

// subscribe adds a subscriber to its group. A new group is read at once. Otherwise the subscriber gets the last reading at once, unless the
// next one is due. The returned function removes the subscriber, and returns when nothing of it runs any more.
func (p *Poller) subscribe(key groupKey, s *subscriber) func() {
	s.mu.Lock() // It is held until the subscriber has the last reading, so that a newer one cannot overtake it.
	defer s.mu.Unlock()
	p.mu.Lock()
	g := p.groups[key]
	if g == nil {
		now := time.Now()
		g = &group{key: key, headStart: s.headStart}
		p.groups[key] = g
		p.joinRing(g, now)
		p.schedule(g, now)
	}
	g.subs = append(g.subs, s)
	last, known := g.last, !g.lastBegan.IsZero() && time.Since(g.lastBegan) < key.interval
	p.mu.Unlock()
	if known {
		s.notifyLocked(last)
	}
	return func() { p.unsubscribe(g, s) }
}

// unsubscribe removes a subscriber from its group. After the last one, it removes the group and cancels the reading in progress.
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
		p.leaveRing(g)
	}
	p.mu.Unlock()
	s.close()
	if done != nil {
		<-done
	}
}

// dequeue removes a group from the queue in which it waits. The caller must hold p.mu.
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

// urgency orders the groups that wait.
func (g *group) urgency() time.Time { return g.wakeAt.Add(-g.headStart) }

// queue is a heap of groups, ordered by urgency.
type queue []*group

// Len returns the number of groups, for container/heap.
func (q *queue) Len() int { return len(*q) }

// Less compares by urgency, for container/heap.
func (q *queue) Less(i, j int) bool { return (*q)[i].urgency().Before((*q)[j].urgency()) }

// Swap updates the indexes of the groups, for container/heap.
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
