package workqueue

import (
	"container/heap"
	"time"
)

// Item is a function that a queue runs. Its methods may be called from any goroutine and do not wait, except for Stop.
type Item struct {
	queue *Queue
	run   func()

	// The queue's mutex guards everything below. woken is true from Wake until the next run begins, running while run is being called.
	next                    *Item
	woken, running, stopped bool
	// ended is made by a Stop that waits, and closed when the run in progress has ended.
	ended chan struct{}
	// index is the place in the heap of deadlines, or notScheduled.
	index    int
	deadline time.Duration
}

// Wake runs the item as soon as a worker is free. An item that is already waiting for one runs once; one that is running runs once more.
func (i *Item) Wake() {
	q := i.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wake(i)
}

// WakeAfter wakes the item once the time d has passed, at once if d is not positive. It replaces the deadline that the item had. Runs for
// another reason do not change the deadline.
func (i *Item) WakeAfter(d time.Duration) {
	q := i.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case i.stopped:
		return
	case d <= 0:
		q.unschedule(i)
		q.wake(i)
	default:
		q.schedule(i, q.now()+d)
	}
	q.setTimer()
}

// ClearDeadline removes the deadline, if there is one.
func (i *Item) ClearDeadline() {
	q := i.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.unschedule(i)
	q.setTimer()
}

// Stop ends the item: it waits for the run in progress, and none begins afterwards. It must not be called by the item's own function. It may
// be called several times.
func (i *Item) Stop() {
	q := i.queue
	q.mu.Lock()
	i.stopped = true
	q.unschedule(i)
	q.setTimer()
	if i.running && i.ended == nil {
		i.ended = make(chan struct{})
	}
	ended := i.ended
	q.mu.Unlock()
	if ended != nil {
		<-ended
	}
}

// schedule gives an item a deadline. The caller must hold q.mu.
func (q *Queue) schedule(i *Item, at time.Duration) {
	if at < 0 { // The sum has overflowed.
		at = 1<<63 - 1
	}
	i.deadline = at
	if i.index == notScheduled {
		heap.Push(&q.deadlines, i)
		return
	}
	heap.Fix(&q.deadlines, i.index)
}

// unschedule removes the deadline of an item, if it has one. The caller must hold q.mu.
func (q *Queue) unschedule(i *Item) {
	if i.index != notScheduled {
		heap.Remove(&q.deadlines, i.index)
	}
}

// notScheduled is the index of an item without a deadline.
const notScheduled = -1

// deadlines is a heap of items, the earliest deadline first.
type deadlines []*Item

// Len returns the number of items.
func (d *deadlines) Len() int { return len(*d) }

// Less compares two deadlines.
func (d *deadlines) Less(a, b int) bool { return (*d)[a].deadline < (*d)[b].deadline }

// Swap swaps two items.
func (d *deadlines) Swap(a, b int) {
	items := *d
	items[a], items[b] = items[b], items[a]
	items[a].index, items[b].index = a, b
}

// Push appends an item.
func (d *deadlines) Push(x any) {
	i := x.(*Item)
	i.index = len(*d)
	*d = append(*d, i)
}

// Pop removes the last item.
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	i := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	i.index = notScheduled
	return i
}
