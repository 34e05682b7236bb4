package endpointslices

import (
	"context"
	"fmt"
	"slices"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/impulse-sh/impulse/internal/kube/watch"
	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/triggers"
)

// maxRetry is the longest pause between two attempts to list the EndpointSlices of a namespace.
const maxRetry = 5 * time.Second

// Watcher follows Services. It is safe for concurrent use. Once nothing is followed, its goroutines end.
type Watcher struct {
	namespaces *watch.Pool[string, *namespace]
	queue      *workqueue.Queue
}

// New returns a watcher for the cluster of config, which is not changed, and whose changes the queue reports. It does no I/O.
func New(config *rest.Config, queue *workqueue.Queue) (*Watcher, error) {
	client, err := watch.Client(config, discoveryv1.SchemeGroupVersion)
	if err != nil {
		return nil, fmt.Errorf("set up the client that follows Services: %w", err)
	}
	return &Watcher{watch.NewPool(func(name string) *namespace { return newNamespace(client, name) }), queue}, nil
}

// Wait waits until every watch has ended. All must have been stopped.
func (w *Watcher) Wait() { w.namespaces.Wait() }

// WatchService reports the ready endpoints of a Service until stop is called, as triggers.Env describes it.
func (w *Watcher) WatchService(s triggers.Service, changed func(endpoints []triggers.ServiceEndpoint, err error)) (stop func()) {
	n, release := w.namespaces.Acquire(context.Background(), s.Namespace)
	f := watch.NewFollower(w.queue, func() (result, bool) { return n.lookup(s.Name) }, result.equal, func(r result) { changed(r.endpoints, r.err) })
	unsubscribe := n.Subscribe(s.Name, f)
	f.Wake()
	return func() {
		f.Stop()
		unsubscribe()
		release()
	}
}

// namespace holds the EndpointSlices of a namespace. Readers subscribe to the names of Services.
type namespace struct {
	*watch.Cache[string, slice]
}

func newNamespace(client rest.Interface, name string) *namespace {
	n := &namespace{}
	n.Cache = watch.NewCache(watch.Options[string, slice]{
		Source: func(context.Context) (cache.ListerWatcher, error) {
			return cache.NewListWatchFromClient(client, "endpointslices", name, fields.Everything()), nil
		},
		Trim: trim,
		OnChange: func(_ types.NamespacedName, before, after *slice) {
			for _, s := range []*slice{before, after} {
				if s != nil {
					n.Notify(s.service)
				}
			}
		},
		MapError: func(err error) error { return watch.ExplainForbidden(err, "EndpointSlices") },
		// Endpoints that cannot be listed any more are unknown: others may be ready by now.
		Lasting:  func(error) bool { return true },
		Expires:  true,
		MaxRetry: func(error) time.Duration { return maxRetry },
	})
	return n
}

// lookup returns the endpoints of a Service; false while neither they nor a reason are known.
func (n *namespace) lookup(service string) (result, bool) {
	n.Lock()
	defer n.Unlock()
	synced, err := n.Synced()
	if !synced || err != nil {
		return result{err: err}, synced
	}
	var all []slice
	for _, s := range n.All() {
		if s.service == service {
			all = append(all, s)
		}
	}
	return result{endpoints: merge(all)}, true
}

// result is the endpoints of a Service, or the reason why they are unknown.
type result struct {
	endpoints []triggers.ServiceEndpoint
	err       error
}

func (r result) equal(other result) bool {
	if r.err != nil && other.err != nil {
		return r.err.Error() == other.err.Error()
	}
	return r.err == nil && other.err == nil && slices.EqualFunc(r.endpoints, other.endpoints, func(a, b triggers.ServiceEndpoint) bool {
		return a.Address == b.Address && slices.Equal(a.Ports, b.Ports)
	})
}
