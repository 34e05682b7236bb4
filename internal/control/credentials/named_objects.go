package credentials

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/impulse-sh/impulse/internal/kube/watch"
)

const (
	// maxNamed bounds the objects of one kind that are watched by name.
	maxNamed = 4096
	// maxWatchRetry is the longest pause between attempts to watch an object.
	maxWatchRetry = 10 * time.Second
)

// namedObjects watches single objects of one kind by their names. Each object has one watch, of this object only, while there is a
// reference to it. Only a T of each object is cached.
type namedObjects[N comparable, T any] struct {
	// kind is the name of the kind in errors.
	kind   string
	source source[N]
	trim   func(object any) (T, bool)
	pool   *watch.Pool[N, *watch.Cache[types.NamespacedName, T]]
}

// source lists and watches single objects.
type source[N comparable] struct {
	// key returns the namespace and name of an object.
	key  func(N) types.NamespacedName
	open func(context.Context, N) (cache.ListerWatcher, error)
}

// byName returns the source of the objects of a resource.
func byName(client rest.Interface, resource string) source[types.NamespacedName] {
	return source[types.NamespacedName]{
		key: func(name types.NamespacedName) types.NamespacedName { return name },
		open: func(_ context.Context, name types.NamespacedName) (cache.ListerWatcher, error) {
			return cache.NewListWatchFromClient(client, resource, name.Namespace, fields.OneTermEqualSelector("metadata.name", name.Name)), nil
		},
	}
}

func newNamedObjects[N comparable, T any](kind string, source source[N], trim func(any) (T, bool)) *namedObjects[N, T] {
	n := &namedObjects[N, T]{kind: kind, source: source, trim: trim}
	n.pool = watch.NewPool(n.open)
	return n
}

// open returns the cache of one object. An error keeps the last version in the cache.
func (n *namedObjects[N, T]) open(name N) *watch.Cache[types.NamespacedName, T] {
	var c *watch.Cache[types.NamespacedName, T]
	c = watch.NewCache(watch.Options[types.NamespacedName, T]{
		Source:   func(ctx context.Context) (cache.ListerWatcher, error) { return n.source.open(ctx, name) },
		Trim:     n.trim,
		MaxRetry: func(error) time.Duration { return maxWatchRetry },
		OnChange: func(name types.NamespacedName, before, after *T) {
			if !reflect.DeepEqual(before, after) {
				c.Notify(name)
			}
		},
	})
	return c
}

// acquire watches an object until the returned function is called.
func (n *namedObjects[N, T]) acquire(ctx context.Context, name N) (*namedObject[T], func(), error) {
	key := n.source.key(name)
	c, release, ok := n.pool.AcquireWithin(ctx, name, maxNamed)
	if !ok {
		return nil, nil, fmt.Errorf("watch %s %s: %d are watched already, which is the limit", n.kind, path(key), maxNamed)
	}
	return &namedObject[T]{label: n.kind + " " + path(key), name: key, cache: c}, release, nil
}

// path formats a name as users write it.
func path(name types.NamespacedName) string {
	if name.Namespace == "" {
		return name.Name
	}
	return name.String()
}

// namedObject is one object that is watched by its name.
type namedObject[T any] struct {
	label string
	name  types.NamespacedName
	cache *watch.Cache[types.NamespacedName, T]
	// subscribed is true once get has subscribed to changes.
	subscribed bool
}

// missingError is an object or a key that does not exist.
type missingError string

// Error returns what does not exist.
func (e missingError) Error() string { return string(e) }

// ErrNotRead is wrapped by the error of a reading of an object that has not been read yet.
var ErrNotRead = errors.New("it has not been read yet")

// WithoutWaiting returns a context for a reading that does not wait for objects. Their first reading is a change, which Credential.Watch
// reports. It is not for readings that request something from a server, such as parameters that a vault has.
func WithoutWaiting(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

// get returns the last version of the object. It waits until the object, or an error, has been read, or ctx is done. From then on it
// notifies n of changes, the first reading included if that comes later.
func (o *namedObject[T]) get(ctx context.Context, n watch.Subscriber) (T, error) {
	var none T
	select {
	case <-o.cache.Ready():
	case <-ctx.Done():
	}
	o.cache.Lock()
	defer o.cache.Unlock()
	if !o.subscribed {
		o.cache.SubscribeLocked(o.name, n)
		o.subscribed = true
	}
	known, err := o.cache.Synced()
	if !known {
		err = ErrNotRead
	}
	if err != nil {
		return none, fmt.Errorf("watch %s: %w", o.label, err)
	}
	value, exists := o.cache.Get(o.name)
	if !exists {
		return none, missingError(o.label + " does not exist")
	}
	return value, nil
}

// unsubscribe ends the notifications of n.
func (o *namedObject[T]) unsubscribe(n watch.Subscriber) {
	o.cache.Lock()
	defer o.cache.Unlock()
	if o.subscribed {
		o.cache.UnsubscribeLocked(o.name, n)
		o.subscribed = false
	}
}
