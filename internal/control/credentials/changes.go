package credentials

import (
	"slices"
	"sync"
)

// changes passes on the changes of the objects that a credential has read. It is a watch.Subscriber.
type changes struct {
	mu       sync.Mutex
	watchers []*func()
	// missed is true if there was a change while there were no watchers.
	missed bool
}

// Notify calls the watchers.
func (c *changes) Notify() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.missed = len(c.watchers) == 0
	for _, changed := range c.watchers {
		(*changed)()
	}
}

// watch adds a watcher, and calls it at once if a change was missed. The returned function removes it; it is not called afterwards.
func (c *changes) watch(changed func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	added := &changed
	c.watchers = append(c.watchers, added)
	if c.missed {
		c.missed = false
		changed()
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.watchers = slices.DeleteFunc(c.watchers, func(other *func()) bool { return other == added })
	}
}
