package nats

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// period is from one reading of a consumer to the next: what a message waits at most until it is seen.
const period = 200 * time.Millisecond

// reading is one answer, or why there is none.
type reading struct {
	backlog

	at  scalers.Instant
	err error
}

// queue is one consumer that is followed; all who follow it share its readings.
type queue struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu        sync.Mutex
	last      *reading
	followers map[chan reading]struct{}
}

// follow returns the readings of a consumer, the newest first: who is slow misses older ones. leave ends it; the last to
// leave waits until nothing of the queue is left.
func (c *connection) follow(ctx context.Context, n name) (<-chan reading, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.queues[n]
	if q == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		q = &queue{cancel: cancel, done: make(chan struct{}), followers: map[chan reading]struct{}{}}
		c.queues[n] = q
		go q.run(ctx, func(ctx context.Context) reading { return c.take(ctx, n) })
	}
	readings := make(chan reading, 1)
	q.join(readings)
	return readings, func() { c.leave(n, q, readings) }
}

// leave ends a queue that nobody follows any more. The lock is held meanwhile, so that a newcomer gets a fresh one.
func (c *connection) leave(n name, q *queue, readings chan reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q.part(readings) {
		return
	}
	delete(c.queues, n)
	q.cancel()
	<-q.done
}

// take makes one reading, true of the moment before it was asked for.
func (c *connection) take(ctx context.Context, n name) reading {
	r := reading{at: scalers.InstantOf(c.now())}
	if r.backlog, r.err = c.read(ctx, n); r.err != nil {
		r.err = fmt.Errorf("read consumer %s of stream %s at %s: %w", n.consumer, n.stream, c.urls, r.err)
	}
	return r
}

// run takes readings until ctx is done.
func (q *queue) run(ctx context.Context, take func(context.Context) reading) {
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
		if r := take(ctx); ctx.Err() == nil {
			q.publish(r)
		}
		timer.Reset(period - time.Since(begun))
	}
}

// publish hands a reading to every follower.
func (q *queue) publish(r reading) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = &r
	for readings := range q.followers {
		hand(readings, r)
	}
}

// hand replaces what a follower has not taken yet.
func hand(readings chan reading, r reading) {
	select {
	case <-readings:
	default:
	}
	readings <- r
}

func (q *queue) join(readings chan reading) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.followers[readings] = struct{}{}
	if q.last != nil {
		hand(readings, *q.last)
	}
}

// part removes a follower and says whether any is left.
func (q *queue) part(readings chan reading) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.followers, readings)
	return len(q.followers) > 0
}
