package controller

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	// maxWatched bounds the objects of one sort that are watched by name.
	maxWatched = 4096
	// shortestRetry and longestRetry bound the time between attempts to watch an object.
	shortestRetry, longestRetry = 250 * time.Millisecond, 10 * time.Second
)

// watches are the single objects of one sort that somebody needs now. Each is watched once, however many need it, by a
// watch that sees nothing else, and no longer than they do. Of an object only a T is kept.
type watches[T any] struct {
	// sort is what users call such an object, resource what the API server does.
	sort, resource string
	client         rest.Interface
	trim           func(object any) (T, bool)

	mu   sync.Mutex
	open map[types.NamespacedName]*watched[T]
}

// watched is one object as it is now, or was when the API server was heard of last.
type watched[T any] struct {
	name  string
	trim  func(object any) (T, bool)
	users int // Guarded by the mutex of the watches.
	end   context.CancelFunc
	done  chan struct{}
	// heard is closed when it is known, or why not.
	heard chan struct{}
	told  sync.Once

	mu    sync.Mutex
	known bool
	value *T // nil: there is none.
	err   error
}

// lease watches an object until the returned function is called, which waits for the end of the watch if nobody else needs
// it.
func (w *watches[T]) lease(ctx context.Context, name types.NamespacedName) (*watched[T], func(), error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := w.open[name]
	if o == nil {
		if len(w.open) >= maxWatched {
			return nil, nil, fmt.Errorf("watch %s %s: %d are watched already, and that is the limit", w.sort, name, maxWatched)
		}
		ctx, end := context.WithCancel(context.WithoutCancel(ctx)) // It is shared by whoever comes next.
		o = &watched[T]{name: w.sort + " " + path(name), trim: w.trim, end: end, done: make(chan struct{}), heard: make(chan struct{})}
		w.open[name] = o
		source := cache.NewListWatchFromClient(w.client, w.resource, name.Namespace, fields.OneTermEqualSelector("metadata.name", name.Name))
		go o.follow(ctx, source)
	}
	o.users++
	return o, sync.OnceFunc(func() { w.leave(name, o) }), nil
}

// path is how users write a name.
func path(name types.NamespacedName) string {
	if name.Namespace == "" {
		return name.Name
	}
	return name.String()
}

// leave counts one user less, and ends the watch after the last.
func (w *watches[T]) leave(name types.NamespacedName, o *watched[T]) {
	w.mu.Lock()
	o.users--
	last := o.users == 0
	if last {
		delete(w.open, name)
	}
	w.mu.Unlock()
	if last {
		o.end()
		<-o.done
	}
}

// follow keeps the object up to date until ctx is done, however long the API server is away.
func (o *watched[T]) follow(ctx context.Context, source cache.ListerWatcher) {
	defer close(o.done)
	silent := logr.Discard() // What goes wrong is the reason why a trigger is unknown.
	ctx = klog.NewContext(ctx, silent)
	retry := wait.Backoff{Duration: shortestRetry, Factor: 2, Jitter: 0.5, Cap: longestRetry, Steps: 1 << 20}
	for pause := retry; ctx.Err() == nil; {
		began := time.Now()
		reflector := cache.NewReflectorWithOptions(source, nil, (*shelf[T])(o), cache.ReflectorOptions{Logger: &silent, Name: o.name, Backoff: &retry})
		o.fail(reflector.ListAndWatchWithContext(ctx))
		if time.Since(began) > longestRetry {
			pause = retry
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause.Step()):
		}
	}
}

// fail takes note that the object could not be read. What is known of it stands.
func (o *watched[T]) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil && !o.known {
		o.err = err
		o.told.Do(func() { close(o.heard) })
	}
}

var errNotRead = errors.New("it has not been read yet")

// now returns the object as it is now; it waits until something has been heard of it, or ctx is done.
func (o *watched[T]) now(ctx context.Context) (T, error) {
	var none T
	select {
	case <-o.heard:
	case <-ctx.Done():
		return none, fmt.Errorf("watch %s: %w", o.name, errNotRead)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !o.known:
		return none, fmt.Errorf("watch %s: %w", o.name, o.err)
	case o.value == nil:
		return none, fmt.Errorf("%s does not exist", o.name)
	default:
		return *o.value, nil
	}
}

// shelf is the side of a watched object that the reflector writes to.
type shelf[T any] watched[T]

// Add takes in a version of the object.
func (s *shelf[T]) Add(object any) error {
	value, ok := s.trim(object)
	if !ok {
		return fmt.Errorf("watch %s: it is a %T", s.name, object)
	}
	s.put(&value)
	return nil
}

// Update takes in a version of the object.
func (s *shelf[T]) Update(object any) error { return s.Add(object) }

// Delete takes note that there is no such object any more.
func (s *shelf[T]) Delete(any) error {
	s.put(nil)
	return nil
}

// Replace takes in all objects that there are: this one or none.
func (s *shelf[T]) Replace(list []any, _ string) error {
	if len(list) == 0 {
		return s.Delete(nil)
	}
	return s.Add(list[0])
}

// Resync is not asked for.
func (s *shelf[T]) Resync() error { return nil }

func (s *shelf[T]) put(value *T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.value, s.err = true, value, nil
	s.told.Do(func() { close(s.heard) })
}
