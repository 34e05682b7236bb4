package writes

import (
	"container/list"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// mostCounts bounds the counts in flight, and mostOfNamespace those of one namespace. The bounds shrink down to the least ones while the
	// API server does not answer in time, or answers 429.
	mostCounts, leastCounts           = 128, 16
	mostOfNamespace, leastOfNamespace = 64, 2
	// share: one turn in so many goes to a lowering although raises wait, or to a namespace whose writes are not answered.
	share = 4
	// forgetAfter is how long after its last change the bound of a namespace is remembered that has no counts to write.
	forgetAfter = 10 * time.Minute
)

// Turns decides which counts are written next when many change at once, as they do when a schedule of many objects begins. Too many
// requests at once all take longer than their timeout, and are repeated; so only some are in flight. Raises go first. Namespaces take
// turns. Those whose admission webhooks do not answer have few counts in flight, and others go first.
//
// It is safe for concurrent use, and has no goroutine. Nil grants every turn at once.
type Turns struct {
	mu         sync.Mutex
	bound      bound
	namespaces map[string]*namespace
	// waiting are the namespaces with waiting turns of each urgency; the one that had the last turn is at the end.
	waiting [urgencies][]*namespace
	// grants is the number of turns that were granted.
	grants int
}

// urgency of a turn: 0 is that of a raise, 1 that of a lowering.
type urgency int

const (
	raise urgency = iota
	lowering

	urgencies = int(lowering) + 1
)

// namespace is a namespace with turns.
type namespace struct {
	name    string
	bound   bound
	waiting [urgencies]list.List // Of *Turn.
}

// Turn is the place of one write among the others. It belongs to one workload, which has one at a time.
type Turn struct {
	turns     *Turns
	namespace *namespace
	urgency   urgency
	granted   func()
	// place is the place in the queue; nil once the turn is granted.
	place *list.Element
}

// NewTurns returns turns of which none is taken.
func NewTurns() *Turns {
	return &Turns{bound: newBound(leastCounts, mostCounts), namespaces: map[string]*namespace{}}
}

// Join queues a write of a workload in a namespace, which changes its count by change. If the turn is not granted at once, granted is called
// once when it is, unless End is called before; it does not block. The caller calls End once.
func (t *Turns) Join(name string, change int32, granted func()) *Turn {
	turn := &Turn{turns: t}
	if t == nil {
		return turn
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	n := t.namespace(name, now)
	if turn.namespace = n; change < 0 {
		turn.urgency = lowering
	}
	if turn.place = n.waiting[turn.urgency].PushBack(turn); n.waiting[turn.urgency].Len() == 1 {
		t.waiting[turn.urgency] = append(t.waiting[turn.urgency], n)
	}
	t.admit()
	turn.granted = granted
	return turn
}

// Wait is Join for a caller that may block: it returns when the turn is granted. It returns an error, and no turn, when ctx is done before.
func (t *Turns) Wait(ctx context.Context, name string, change int32) (*Turn, error) {
	granted := make(chan struct{})
	turn := t.Join(name, change, func() { close(granted) })
	if turn.Granted() {
		return turn, nil
	}
	select {
	case <-granted:
		return turn, nil
	case <-ctx.Done():
		turn.End(nil)
		return nil, fmt.Errorf("wait for the turn of a write: %w", ctx.Err())
	}
}

// Granted reports whether the write may be sent.
func (t *Turn) Granted() bool {
	if t.turns == nil {
		return true
	}
	t.turns.mu.Lock()
	defer t.turns.mu.Unlock()
	return t.place == nil
}

// End ends the turn: with the error of its write or nil, or because nothing is to be written any more.
func (t *Turn) End(err error) {
	if t.turns == nil {
		return
	}
	t.turns.mu.Lock()
	defer t.turns.mu.Unlock()
	t.turns.end(t, err, time.Now())
}

// end ends a turn, and grants those that are possible now.
func (t *Turns) end(turn *Turn, err error, now time.Time) {
	n := turn.namespace
	if turn.place != nil {
		n.waiting[turn.urgency].Remove(turn.place)
		if turn.place = nil; n.waiting[turn.urgency].Len() == 0 {
			t.dequeue(n, turn.urgency)
		}
	} else {
		slow, _ := pushedBack(err)
		if slow && n.bound.smallest() { // It has few already, and says nothing about the others.
			t.bound.inFlight--
		} else {
			t.bound.end(slow, now)
		}
		n.bound.end(slow, now)
	}
	if n.idle() && n.bound.whole() {
		delete(t.namespaces, n.name)
	}
	t.admit()
}

// admit grants turns.
func (t *Turns) admit() {
	for t.bound.free() {
		turn := t.next()
		if turn == nil {
			return
		}
		turn.place = nil
		turn.namespace.bound.inFlight++
		t.bound.inFlight++
		if turn.granted != nil { // Otherwise Join returns it.
			turn.granted()
		}
	}
}

// next takes the turn whose turn it is from the queue; nil if there is none.
func (t *Turns) next() *Turn {
	order, shared := [urgencies]urgency{raise, lowering}, t.grants%share == share-1
	if shared {
		slices.Reverse(order[:])
	}
	for _, u := range order {
		n := t.pick(u, shared)
		if n == nil {
			continue
		}
		t.dequeue(n, u)
		turn, _ := n.waiting[u].Remove(n.waiting[u].Front()).(*Turn)
		if n.waiting[u].Len() > 0 {
			t.waiting[u] = append(t.waiting[u], n)
		}
		t.grants++
		return turn
	}
	return nil
}

// pick returns the namespace whose turn it is; nil if none may have one. Unless the turn is shared, one whose writes are answered goes first.
func (t *Turns) pick(u urgency, shared bool) (first *namespace) {
	for _, n := range t.waiting[u] {
		if !n.bound.free() {
			continue
		}
		if shared || !n.bound.smallest() {
			return n
		}
		if first == nil {
			first = n
		}
	}
	return first
}

// dequeue takes a namespace from the queue of an urgency.
func (t *Turns) dequeue(n *namespace, u urgency) {
	i := slices.Index(t.waiting[u], n)
	t.waiting[u] = slices.Delete(t.waiting[u], i, i+1)
}

// namespace returns a namespace, and makes it if there is none. It then forgets those that have had nothing to write for a long time.
func (t *Turns) namespace(name string, now time.Time) *namespace {
	if n := t.namespaces[name]; n != nil {
		return n
	}
	for name, n := range t.namespaces {
		if n.idle() && now.Sub(n.bound.changed) > forgetAfter {
			delete(t.namespaces, name)
		}
	}
	n := &namespace{name: name, bound: newBound(leastOfNamespace, mostOfNamespace)}
	t.namespaces[name] = n
	return n
}

// idle reports whether a namespace has no turns.
func (n *namespace) idle() bool {
	return n.bound.inFlight == 0 && n.waiting[raise].Len() == 0 && n.waiting[lowering].Len() == 0
}

// state returns the number of turns that wait, and how many may be granted at the same time.
func (t *Turns) state() (waiting, limit int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for u := range t.waiting {
		for _, n := range t.waiting[u] {
			waiting += n.waiting[u].Len()
		}
	}
	return waiting, t.bound.limit
}
