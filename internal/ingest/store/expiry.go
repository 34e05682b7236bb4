package store

import (
	"container/heap"
	"time"
)

// deadline is a time at which its owner may change without a delivery. The zero deadline is in no queue, and one deadline is in at
// most one queue. An owner embeds its deadline, so scheduling it allocates nothing.
type deadline[T any] struct {
	at time.Time
	// index is the position in the queue plus one; 0 while the deadline is in no queue.
	index int
	owner T
}

// expiryQueue holds deadlines, the earliest first.
//
// Invariants:
//   - A deadline is in the queue at most once, and has its position.
//   - No deadline is returned before the earliest time that it was scheduled for since it entered the queue.
//   - A deadline that is moved to a later time is returned at the earlier one: its owner looks again, and schedules the rest. Moving a
//     deadline back, as each repeat of an alert does, therefore costs nothing.
type expiryQueue[T any] struct{ heap deadlineHeap[T] }

// schedule has a deadline returned at a time, or earlier if it is scheduled for an earlier time already. The zero time cancels it.
func (q *expiryQueue[T]) schedule(d *deadline[T], at time.Time) {
	switch {
	case at.IsZero():
		q.cancel(d)
	case d.index == 0:
		d.at = at
		heap.Push(&q.heap, d)
	case at.Before(d.at):
		d.at = at
		heap.Fix(&q.heap, d.index-1)
	}
}

// cancel removes a deadline, if it is in the queue.
func (q *expiryQueue[T]) cancel(d *deadline[T]) {
	if d.index > 0 {
		heap.Remove(&q.heap, d.index-1)
	}
}

// popDue removes and returns the earliest deadline that is not after now; nil if there is none.
func (q *expiryQueue[T]) popDue(now time.Time) *deadline[T] {
	if len(q.heap) == 0 || q.heap[0].at.After(now) {
		return nil
	}
	d, _ := heap.Pop(&q.heap).(*deadline[T])
	return d
}

// next returns the time of the earliest deadline, but no later than a limit.
func (q *expiryQueue[T]) next(limit time.Time) time.Time {
	if len(q.heap) == 0 {
		return limit
	}
	return earlier(limit, q.heap[0].at)
}

// deadlineHeap orders deadlines for container/heap.
type deadlineHeap[T any] []*deadline[T]

// Len is heap.Interface's.
func (h *deadlineHeap[T]) Len() int { return len(*h) }

// Less is heap.Interface's.
func (h *deadlineHeap[T]) Less(i, j int) bool { return (*h)[i].at.Before((*h)[j].at) }

// Swap is heap.Interface's.
func (h *deadlineHeap[T]) Swap(i, j int) {
	(*h)[i], (*h)[j] = (*h)[j], (*h)[i]
	(*h)[i].index, (*h)[j].index = i+1, j+1
}

// Push is heap.Interface's.
func (h *deadlineHeap[T]) Push(x any) {
	if d, ok := x.(*deadline[T]); ok {
		*h = append(*h, d)
		d.index = len(*h)
	}
}

// Pop is heap.Interface's.
func (h *deadlineHeap[T]) Pop() any {
	old := *h
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*h, d.index = old[:len(old)-1], 0
	return d
}
