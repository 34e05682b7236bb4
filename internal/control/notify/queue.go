package notify

import "slices"

const (
	// maxQueued and maxQueuedBytes bound the queue of one sink.
	maxQueued      = 5000
	maxQueuedBytes = 4 << 20
)

// queue has the events that a sink has not sent, the oldest first.
type queue struct {
	events []*Event
	bytes  int
}

// add appends an event, and returns the number of events that were dropped for it: those of the same kind first, and of them the oldest.
func (q *queue) add(e *Event) (dropped int) {
	for len(q.events) > 0 && (len(q.events) >= maxQueued || q.bytes+e.size() > maxQueuedBytes) {
		i := max(0, slices.IndexFunc(q.events, e.sameKind))
		q.bytes -= q.events[i].size()
		q.events = slices.Delete(q.events, i, i+1)
		dropped++
	}
	q.events = append(q.events, e)
	q.bytes += e.size()
	return dropped
}

// pop removes the oldest event, and returns it; nil if there is none.
func (q *queue) pop() *Event {
	if len(q.events) == 0 {
		q.events = nil // A long queue leaves no memory behind.
		return nil
	}
	e := q.events[0]
	q.events[0] = nil
	q.events = q.events[1:]
	q.bytes -= e.size()
	return e
}
