package workload

import (
	"context"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// defaultInterval is the interval for an Env without PollingInterval.
const defaultInterval = 30 * time.Second

// cache passes on the first count at once. After that, it passes on the newest event once per interval.
type cache struct {
	emit     func(scalers.Event)
	now      func() time.Time
	interval time.Duration

	mu sync.Mutex
	// known is true after the first count. Until then, errors are passed on at once. After that, errors wait for the end of the interval, as
	// counts do.
	known bool
	// newest is the event that waits for the end of the interval; nil: none.
	newest *scalers.Event
}

// start begins the intervals. The returned function ends them; nothing is emitted when it has returned.
func (c *cache) start(ctx context.Context) (stop func()) {
	if c.interval <= 0 {
		c.interval = defaultInterval
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(c.interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				c.flush()
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// put receives an event of the watch.
func (c *cache) put(e scalers.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known {
		c.newest = &e
		return
	}
	c.known = e.Err == nil
	c.emit(e)
}

// flush passes on the newest event, which is true now.
func (c *cache) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.newest == nil {
		return
	}
	e := *c.newest
	e.At, c.newest = scalers.InstantOf(c.now()), nil
	c.emit(e)
}
