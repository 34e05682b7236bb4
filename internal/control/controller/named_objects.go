package controller

import (
	"context"
	"errors"
	"fmt"
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
type namedObjects[T any] struct {
	// kind is the name of the kind in errors, and resource that in URLs.
	kind, resource string
	client         rest.Interface
	convert        func(object any) (T, bool)
	pool           *watch.Pool[types.NamespacedName, *watch.Cache[types.NamespacedName, T]]
}

func newNamedObjects[T any](client rest.Interface, kind, resource string, trim func(any) (T, bool)) *namedObjects[T] {
	n := &namedObjects[T]{kind: kind, resource: resource, client: client, convert: trim}
	n.pool = watch.NewPool(n.open)
	return n
}

// open returns the cache of one object. An error keeps the last version in the cache.
func (n *namedObjects[T]) open(name types.NamespacedName) *watch.Cache[types.NamespacedName, T] {
	source := cache.NewListWatchFromClient(n.client, n.resource, name.Namespace, fields.OneTermEqualSelector("metadata.name", name.Name))
	return watch.NewCache(watch.Options[types.NamespacedName, T]{
		Source:   func(context.Context) (cache.ListerWatcher, error) { return source, nil },
		Trim:     n.convert,
		MaxRetry: func(error) time.Duration { return maxWatchRetry },
	})
}

// acquire watches an object until the returned function is called. If that releases the last reference, it waits for the end of the
// watch.
func (n *namedObjects[T]) acquire(ctx context.Context, name types.NamespacedName) (*namedObject[T], func(), error) {
	c, release, ok := n.pool.AcquireWithin(ctx, name, maxNamed)
	if !ok {
		return nil, nil, fmt.Errorf("watch %s %s: %d are watched already, which is the limit", n.kind, name, maxNamed)
	}
	return &namedObject[T]{label: n.kind + " " + path(name), name: name, cache: c}, release, nil
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
}

var errNotRead = errors.New("it has not been read yet")

// get returns the last version of the object. It waits until the object, or an error, has been read, or ctx is done.
func (o *namedObject[T]) get(ctx context.Context) (T, error) {
	var none T
	select {
	case <-o.cache.Ready():
	case <-ctx.Done():
		return none, fmt.Errorf("watch %s: %w", o.label, errNotRead)
	}
	o.cache.Lock()
	defer o.cache.Unlock()
	if _, err := o.cache.Synced(); err != nil {
		return none, fmt.Errorf("watch %s: %w", o.label, err)
	}
	value, exists := o.cache.Get(o.name)
	if !exists {
		return none, fmt.Errorf("%s does not exist", o.label)
	}
	return value, nil
}
