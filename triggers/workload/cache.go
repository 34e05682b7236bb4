package workload

import (
	"sync"
	"time"

	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
)

// defaultInterval is the interval for an Env without PollingInterval.
const defaultInterval = 30 * time.Second

// cache passes on the first count at once. It passes on the newest event at the end of each interval in which it changed.
type cache struct {
	emit     func(scalers.Event)
	now      func() time.Time
	interval time.Duration
	// delays: later events wait for the end of the interval. Otherwise they are passed on at once, too.
	delays bool
	// repeats: the newest event is passed on at the end of each interval, also if it did not change.
	repeats bool

	mu sync.Mutex
	// known is true after the first count. Until then, errors are passed on at once. After that, errors wait for the end of the interval, as
	// counts do.
	known bool
	// newest is the event that is passed on at the end of the interval; nil: none.
	newest *scalers.Event
}

// start begins the intervals, with an item of a queue. The returned function ends them; nothing is emitted when it has returned.
func (c *cache) start(newItem func(run func()) *workqueue.Item) (stop func()) {
	if c.interval <= 0 {
		c.interval = defaultInterval
	}
	began := time.Now()
	var item *workqueue.Item
	item = newItem(func() {
		c.flush()
		item.WakeAfter(c.interval - time.Since(began)%c.interval)
	})
	item.WakeAfter(c.interval)
	return item.Stop
}

// put receives an event of the watch.
func (c *cache) put(e scalers.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	atOnce := !c.known || !c.delays
	if !atOnce || c.repeats {
		c.newest = &e
	}
	c.known = c.known || e.Err == nil
	if atOnce {
		c.emit(e)
	}
}

// flush passes on the newest event, which is true now.
func (c *cache) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.newest == nil {
		return
	}
	e := *c.newest
	e.At = scalers.InstantOf(c.now())
	if !c.repeats {
		c.newest = nil
	}
	c.emit(e)
}
