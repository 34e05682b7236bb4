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
	// OnError is called with each new reason why the objects cannot be read: at once if that makes them unknown, and otherwise once nothing has
	// succeeded for a minute. OnRead is called when they are read again after that. The cache is locked. Both may be nil.
	OnError func(error)
	OnRead  func()
	// MapError translates an error of the list or the watch; nil leaves it as it is.
	MapError func(error) error
	// Lasting reports whether an error makes the objects unknown that were read before, as when reading is forbidden. With nil no error
	// does.
	Lasting func(error) bool
	// Expires is true if any error makes the objects unknown once nothing has succeeded for a minute. Get still returns the last version.
	Expires bool
	// MaxRetry returns the longest pause after an error, nil included.
	MaxRetry func(error) time.Duration
}

// Cache is a trimmed copy of all objects of one list and watch. Its embedded mutex guards all that readers look at.
type Cache[K comparable, V any] struct {
	sync.Mutex

	options   Options[K, V]
	health    *Health
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
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	if o.OnRead == nil {
		o.OnRead = func() {}
	}
	return &Cache[K, V]{
		options: o, health: NewHealth(o.OnError, o.OnRead),
		objects: map[types.NamespacedName]V{}, notifiers: notifiers[K]{}, ready: make(chan struct{}),
	}
}

// Synced reports whether the objects are known, or, with an error, why they are not. While it is false neither is. The caller holds
// the lock.
func (c *Cache[K, V]) Synced() (bool, error) { return c.synced || c.err != nil, c.err }

// Listed reports whether the objects have ever been known, although an error may have made them unknown since. The caller holds the lock.
func (c *Cache[K, V]) Listed() bool { return c.synced }

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

// fail records why reading has ended. An error that is not lasting leaves known objects as they are, until they expire.
func (c *Cache[K, V]) fail(err error) { c.record(err, c.lasting(err)) }

// retried records an error after which the reflector tries again. It is not lasting: a list shows those.
func (c *Cache[K, V]) retried(err error) { c.record(c.mapError(err), false) }

func (c *Cache[K, V]) record(err error, lasting bool) {
	c.Lock()
	defer c.Unlock()
	unknown := lasting || !c.synced
	if stale := c.health.Failed(err, unknown); stale && c.options.Expires {
		unknown = true
	}
	if !unknown || c.err != nil && reason(c.err) == reason(err) {
		return
	}
	c.err = err
	c.notifiers.notifyAll()
	c.readyOnce.Do(func() { close(c.ready) })
}

// current records that a watch has brought the objects that were listed up to date.
func (c *Cache[K, V]) current() {
	c.Lock()
	defer c.Unlock()
	c.health.Succeeded()
	if c.err != nil {
		c.err = nil
		c.notifiers.notifyAll()
	}
}

func (c *Cache[K, V]) mapError(err error) error {
	if c.options.MapError == nil {
		return err
	}
	return c.options.MapError(err)
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
	c.health.Succeeded()
	c.readyOnce.Do(func() { close(c.ready) })
	c.notifiers.notifyAll()
}
