package watch

import (
	"context"
	"iter"
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// Options say what a Cache holds. K is the key under which readers subscribe, V what is kept of an object.
type Options[K comparable, V any] struct {
	// Source opens the list and watch. It is called again after each failure.
	Source func(ctx context.Context) (cache.ListerWatcher, error)
	// Trim returns what to keep of an object; false means that nothing is.
	Trim func(object any) (V, bool)
	// OnChange is called for each object that was added (before is nil), changed or removed (after is nil). The cache is locked. It
	// may be nil.
	OnChange func(name types.NamespacedName, before, after *V)
	// OnError is called with each new reason why the objects cannot be read. The cache is locked. It may be nil.
	OnError func(error)
	// MapError translates an error of the list or the watch; nil leaves it as it is.
	MapError func(error) error
	// Lasting reports whether an error makes the objects unknown that were read before, as when reading is forbidden. With nil no error
	// does.
	Lasting func(error) bool
	// MaxRetry returns the longest pause after an error, nil included.
	MaxRetry func(error) time.Duration
}

// Cache is a trimmed copy of all objects of one list and watch. Its embedded mutex guards all that readers look at.
type Cache[K comparable, V any] struct {
	sync.Mutex

	options   Options[K, V]
	objects   map[types.NamespacedName]V
	notifiers notifiers[K]
	synced    bool
	err       error
	// ready is closed once the objects are known, or the reason why they are not.
	ready     chan struct{}
	readyOnce sync.Once
}

// NewCache returns a Cache that is empty until it runs.
func NewCache[K comparable, V any](o Options[K, V]) *Cache[K, V] {
	return &Cache[K, V]{options: o, objects: map[types.NamespacedName]V{}, notifiers: notifiers[K]{}, ready: make(chan struct{})}
}

// Synced reports whether the objects are known, or, with an error, why they are not. While it is false neither is. The caller holds
// the lock.
func (c *Cache[K, V]) Synced() (bool, error) { return c.synced || c.err != nil, c.err }

// Ready returns a channel that is closed once Synced is true.
func (c *Cache[K, V]) Ready() <-chan struct{} { return c.ready }

// Get returns what is kept of an object. The caller holds the lock.
func (c *Cache[K, V]) Get(name types.NamespacedName) (V, bool) {
	v, ok := c.objects[name]
	return v, ok
}

// All returns what is kept of every object. The caller holds the lock.
func (c *Cache[K, V]) All() iter.Seq2[types.NamespacedName, V] { return maps.All(c.objects) }

// Subscribe has n notified of each Notify of k until the function that it returns is called.
func (c *Cache[K, V]) Subscribe(k K, n Subscriber) (unsubscribe func()) {
	c.Lock()
	defer c.Unlock()
	c.SubscribeLocked(k, n)
	return func() {
		c.Lock()
		defer c.Unlock()
		c.UnsubscribeLocked(k, n)
	}
}

// SubscribeLocked has n notified of each Notify of k. The caller holds the lock.
func (c *Cache[K, V]) SubscribeLocked(k K, n Subscriber) { c.notifiers.add(k, n) }

// UnsubscribeLocked ends SubscribeLocked. The caller holds the lock.
func (c *Cache[K, V]) UnsubscribeLocked(k K, n Subscriber) { c.notifiers.remove(k, n) }

// Subscribed returns the number of keys with a subscription. The caller holds the lock.
func (c *Cache[K, V]) Subscribed() int { return len(c.notifiers) }

// Notify wakes all that have subscribed to k. The caller holds the lock.
func (c *Cache[K, V]) Notify(k K) { c.notifiers.notify(k) }

// fail records that reading has ended. An error that is not lasting leaves known objects as they are.
func (c *Cache[K, V]) fail(err error) {
	c.Lock()
	defer c.Unlock()
	if err == nil || c.synced && !c.lasting(err) {
		return
	}
	changed := c.err == nil || c.err.Error() != err.Error()
	c.err = err
	if !changed {
		return
	}
	c.notifiers.notifyAll()
	c.readyOnce.Do(func() { close(c.ready) })
	if c.options.OnError != nil {
		c.options.OnError(err)
	}
}

func (c *Cache[K, V]) lasting(err error) bool {
	return c.options.Lasting != nil && c.options.Lasting(err)
}

// set stores an object, or removes it when value is nil. The caller holds the lock.
func (c *Cache[K, V]) set(name types.NamespacedName, value *V) {
	var before *V
	if old, ok := c.objects[name]; ok {
		before = &old
	}
	switch {
	case value != nil:
		c.objects[name] = *value
	case before != nil:
		delete(c.objects, name)
	default:
		return
	}
	if c.options.OnChange != nil {
		c.options.OnChange(name, before, value)
	}
}

// replace stores all objects that there are, and makes the cache known. The caller holds the lock.
func (c *Cache[K, V]) replace(all []entry[V]) {
	listed := make(map[types.NamespacedName]struct{}, len(all))
	for _, e := range all {
		listed[e.name] = struct{}{}
		c.set(e.name, e.value)
	}
	for name := range c.objects {
		if _, ok := listed[name]; !ok {
			c.set(name, nil)
		}
	}
	c.synced, c.err = true, nil
	c.readyOnce.Do(func() { close(c.ready) })
	c.notifiers.notifyAll()
}
