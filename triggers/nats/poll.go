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

// poll reads one consumer for all its subscribers.
type poll struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu          sync.Mutex
	last        *reading
	subscribers map[chan reading]struct{}
}

// subscribe returns a channel with the newest reading of a consumer. A slow subscriber misses older readings. The returned function
// unsubscribes; for the last subscriber it returns after the poll's goroutine has ended.
func (c *connection) subscribe(ctx context.Context, n name) (<-chan reading, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.polls[n]
	if p == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		p = &poll{cancel: cancel, done: make(chan struct{}), subscribers: map[chan reading]struct{}{}}
		c.polls[n] = p
		go p.run(ctx, func(ctx context.Context) reading { return c.readConsumer(ctx, n) })
	}
	readings := make(chan reading, 1)
	p.add(readings)
	return readings, func() { c.unsubscribe(n, p, readings) }
}

// unsubscribe removes a subscriber, and ends the poll after the last one. It holds the lock until the poll has ended, so that a new
// subscriber gets a new poll.
func (c *connection) unsubscribe(n name, p *poll, readings chan reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.remove(readings) {
		return
	}
	delete(c.polls, n)
	p.cancel()
	<-p.done
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
func (p *poll) run(ctx context.Context, read func(context.Context) reading) {
	defer close(p.done)
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
			p.publish(r)
		}
		timer.Reset(readInterval - time.Since(begun))
	}
}

// publish sends a reading to every subscriber.
func (p *poll) publish(r reading) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = &r
	for readings := range p.subscribers {
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

func (p *poll) add(readings chan reading) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.subscribers[readings] = struct{}{}
	if p.last != nil {
		replaceLatest(readings, *p.last)
	}
}

// remove removes a subscriber and reports whether others are left.
func (p *poll) remove(readings chan reading) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.subscribers, readings)
	return len(p.subscribers) > 0
}
