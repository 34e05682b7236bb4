package nats

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// readInterval is the time between two readings of a consumer.
const readInterval = 200 * time.Millisecond

// reading is a backlog, or the error of reading it.
type reading struct {
	backlog

	at  scalers.Instant
	err error
}

// queue reads one consumer for all its subscribers.
type queue struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu          sync.Mutex
	last        *reading
	subscribers map[chan reading]struct{}
}

// subscribe returns a channel with the newest reading of a consumer. A slow subscriber misses older readings. The returned function
// unsubscribes; for the last subscriber it returns after the queue's goroutine has ended.
func (c *connection) subscribe(ctx context.Context, n name) (<-chan reading, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.queues[n]
	if q == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		q = &queue{cancel: cancel, done: make(chan struct{}), subscribers: map[chan reading]struct{}{}}
		c.queues[n] = q
		go q.run(ctx, func(ctx context.Context) reading { return c.readConsumer(ctx, n) })
	}
	readings := make(chan reading, 1)
	q.add(readings)
	return readings, func() { c.unsubscribe(n, q, readings) }
}

// unsubscribe removes a subscriber, and the queue after the last one. It holds the lock until the queue has ended, so that a new
// subscriber gets a new queue.
func (c *connection) unsubscribe(n name, q *queue, readings chan reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q.remove(readings) {
		return
	}
	delete(c.queues, n)
	q.cancel()
	<-q.done
}

// readConsumer returns one reading. Its time is that before the request.
func (c *connection) readConsumer(ctx context.Context, n name) reading {
	r := reading{at: scalers.InstantOf(c.now())}
	if r.backlog, r.err = c.read(ctx, n); r.err != nil {
		r.err = fmt.Errorf("read consumer %s of stream %s at %s: %w", n.consumer, n.stream, c.urls, r.err)
	}
	return r
}

// run reads every readInterval until ctx is done.
func (q *queue) run(ctx context.Context, read func(context.Context) reading) {
	defer close(q.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		begun := time.Now()
		if r := read(ctx); ctx.Err() == nil {
			q.publish(r)
		}
		timer.Reset(readInterval - time.Since(begun))
	}
}

// publish sends a reading to every subscriber.
func (q *queue) publish(r reading) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = &r
	for readings := range q.subscribers {
		replaceLatest(readings, r)
	}
}

// replaceLatest replaces a reading that the subscriber has not received yet.
func replaceLatest(readings chan reading, r reading) {
	select {
	case <-readings:
	default:
	}
	readings <- r
}

func (q *queue) add(readings chan reading) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.subscribers[readings] = struct{}{}
	if q.last != nil {
		replaceLatest(readings, *q.last)
	}
}

// remove removes a subscriber and reports whether others are left.
func (q *queue) remove(readings chan reading) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.subscribers, readings)
	return len(q.subscribers) > 0
}
