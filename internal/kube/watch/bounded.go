package watch

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// The limits of the requests of a reflector, which has none itself. A connection that is dead is found by pings over HTTP/2; these limits also end
// requests over HTTP/1.1, and those that a proxy accepted whose API server does not answer.
const (
	// listTimeout bounds the request for a page of a list. The API server itself has the same limit by default.
	listTimeout = time.Minute
	// openTimeout bounds the opening of a watch. It is more than a minute, because some proxies pass nothing on before the first event, and a
	// watch without changes has an event a minute, a bookmark.
	openTimeout = 90 * time.Second
	// initialTimeout bounds the opening of a watch that begins with all objects, and then the time until the next of these.
	initialTimeout = 30 * time.Second
	// overdueAfter is how much longer than its timeoutSeconds a watch may last.
	overdueAfter = 30 * time.Second
	// caughtUpAfter is how long a watch must be open without an error to count as one that has sent all earlier changes. A bookmark shows it
	// sooner.
	caughtUpAfter = 5 * time.Second
)

// Observer learns from a bounded ListerWatcher what a reflector does not report. Both functions are called by any goroutine, and may be nil.
type Observer struct {
	// Retried is called with an error after which the reflector tries again, and which ListAndWatch does not return.
	Retried func(error)
	// Current is called when a watch that began after a list has sent all earlier changes, and at the end of each watch that had.
	Current func()
}

// Bounded returns a ListerWatcher for a reflector whose requests end when they are not answered.
func Bounded(source cache.ListerWatcher, o Observer) cache.ListerWatcher {
	if o.Retried == nil {
		o.Retried = func(error) {}
	}
	if o.Current == nil {
		o.Current = func() {}
	}
	b := bounded{cache.ToListerWatcherWithContext(source), o}
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{ListWithContextFunc: b.list, WatchFuncWithContext: b.watch}, source)
}

// bounded has the functions of a bounded ListerWatcher.
type bounded struct {
	source   cache.ListerWatcherWithContext
	observer Observer
}

func (b bounded) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	return b.source.ListWithContext(ctx, options)
}

func (b bounded) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	initial := options.SendInitialEvents != nil && *options.SendInitialEvents
	limit := openTimeout
	if initial {
		limit = initialTimeout
	}
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(limit, cancel)
	w, err := b.source.WatchWithContext(ctx, options)
	if !timer.Stop() {
		if err == nil {
			w.Stop() // For a request that has timed out, client-go returns an empty watch and no error.
		}
		return nil, fmt.Errorf("open a watch: no answer within %s: %w", limit, context.DeadlineExceeded)
	}
	if err != nil {
		if ctx.Err() == nil && (net.IsConnectionRefused(err) || apierrors.IsTooManyRequests(err)) {
			b.observer.Retried(err)
		}
		cancel()
		return nil, err
	}
	s := newStream(w, b.observer, initial)
	go s.run(lifetime(options), cancel)
	return s, nil
}

// lifetime returns how long a watch may last; 0 if there is no limit.
func lifetime(options metav1.ListOptions) time.Duration {
	if options.TimeoutSeconds == nil {
		return 0
	}
	return time.Duration(*options.TimeoutSeconds)*time.Second + overdueAfter
}
