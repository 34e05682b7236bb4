package workqueue

import (
	"container/heap"
	"sync"
	"time"
)

// Queue runs items, each in the order in which they were woken. It is safe for concurrent use.
//
// Items share its workers, so their functions must not wait: not for the network, and not for another item. In a queue whose purpose is to
// limit how many wait at the same time, all may. A nil *Queue gives each item a queue of its own.
type Queue struct {
	// began is the beginning of the time that deadlines count from. It has a monotonic reading, so nobody can set the clock.
	began time.Time
	// spawn is the method work. A goroutine that calls a value without arguments is started without an allocation.
	spawn func()

	mu sync.Mutex
	// limit is how many workers may run; workers is how many do.
	limit, workers int
	// first and last are the ends of the list of items that wait for a worker.
	first, last *Item
	deadlines   deadlines
	// timer fires at alarm or, if that is unset, not at all. It may fire too early, but not later than the first deadline.
	timer *time.Timer
	alarm time.Duration
}

// unset is no instant.
const unset time.Duration = -1

// New returns a queue that runs up to limit items at the same time.
func New(limit int) *Queue {
	q := &Queue{began: time.Now(), limit: max(limit, 1), alarm: unset}
	q.spawn = q.work
	return q
}

// NewItem returns an item that has not been woken yet. run is called by one goroutine at a time, and each call sees what the one before has
// written. A panic of run ends the process.
func (q *Queue) NewItem(run func()) *Item {
	if q == nil {
		q = New(1)
	}
	return &Item{queue: q, run: run, index: notScheduled}
}

// now returns the time since the queue was made.
func (q *Queue) now() time.Duration { return time.Since(q.began) }

// wake makes an item run, or run once more. The caller must hold q.mu.
func (q *Queue) wake(i *Item) {
	if i.woken || i.stopped {
		return
	}
	i.woken = true
	if i.running {
		return // Its worker puts it back into the list.
	}
	q.enqueue(i)
	if q.workers < q.limit {
		q.workers++
		go q.spawn()
	}
}

// enqueue appends an item to the list. The caller must hold q.mu.
func (q *Queue) enqueue(i *Item) {
	if q.last == nil {
		q.first = i
	} else {
		q.last.next = i
	}
	q.last = i
}

// dequeue removes the first item that is not stopped from the list, and returns nil if there is none. The caller must hold q.mu.
func (q *Queue) dequeue() *Item {
	for q.first != nil {
		i := q.first
		if q.first = i.next; q.first == nil {
			q.last = nil
		}
		i.next = nil
		if !i.stopped {
			return i
		}
	}
	return nil
}

// work runs items until none is left.
func (q *Queue) work() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := q.dequeue(); i != nil; i = q.dequeue() {
		i.woken, i.running = false, true
		q.mu.Unlock()
		i.run()
		q.mu.Lock()
		i.running = false
		switch {
		case i.ended != nil:
			close(i.ended)
		case i.woken:
			q.enqueue(i)
		}
	}
	q.workers--
}

// fire wakes the items that are due, and sets the timer for the next one.
func (q *Queue) fire() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.alarm = unset
	for now := q.now(); len(q.deadlines) > 0 && q.deadlines[0].deadline <= now; {
		i := q.deadlines[0]
		heap.Remove(&q.deadlines, 0)
		q.wake(i)
	}
	q.setTimer()
}

// setTimer makes the timer fire not later than the first deadline. It does not move the timer back: what fires too early sets it again, and
// most deadlines are moved several times before they come. The caller must hold q.mu.
func (q *Queue) setTimer() {
	if len(q.deadlines) == 0 {
		if q.alarm != unset {
			q.timer.Stop()
			q.alarm = unset
		}
		return
	}
	first := q.deadlines[0].deadline
	if q.alarm != unset && q.alarm <= first {
		return
	}
	q.alarm = first
	if q.timer == nil {
		q.timer = time.AfterFunc(first-q.now(), q.fire)
	} else {
		q.timer.Reset(first - q.now())
	}
}
