package podcount

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/impulse-sh/impulse/internal/kube/watch"
	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/triggers"
)

// maxRetry is the longest pause between two attempts to list the pods of a namespace.
const maxRetry = 5 * time.Second

// Counter counts pods. It is safe for concurrent use. Once nothing is counted, its goroutines end.
type Counter struct {
	namespaces *watch.Pool[string, *namespace]
	queue      *workqueue.Queue
}

// New returns a counter for the cluster of config, which is not changed, and whose counts the queue reports. It does no I/O.
func New(config *rest.Config, queue *workqueue.Queue) (*Counter, error) {
	client, err := watch.Client(config, corev1.SchemeGroupVersion)
	if err != nil {
		return nil, fmt.Errorf("set up the client that counts pods: %w", err)
	}
	return &Counter{watch.NewPool(func(name string) *namespace { return newNamespace(client, name) }), queue}, nil
}

// Wait waits until every watch has ended. All counts must have been stopped.
func (c *Counter) Wait() { c.namespaces.Wait() }

// CountPods counts the pods of a query until stop is called, as triggers.Env describes it.
func (c *Counter) CountPods(q triggers.PodQuery, changed func(count int64, err error)) (stop func(), err error) {
	n, release := c.namespaces.Acquire(context.Background(), q.Namespace)
	f := watch.NewFollower(c.queue, func() (result, bool) { return n.lookup(q) }, result.equal, func(r result) { changed(r.count, r.err) })
	stopCount, err := n.count(q, f)
	if err != nil {
		release()
		return nil, err
	}
	f.Wake()
	return func() {
		f.Stop()
		stopCount()
		release()
	}, nil
}

// newNamespace returns the pods of a namespace.
func newNamespace(client rest.Interface, name string) *namespace {
	n := &namespace{groups: map[triggers.PodQuery]*group{}}
	n.Cache = watch.NewCache(watch.Options[triggers.PodQuery, pod]{
		Source: func(context.Context) (cache.ListerWatcher, error) {
			return cache.NewListWatchFromClient(client, "pods", name, unfinished), nil
		},
		Trim: trim, OnChange: func(_ types.NamespacedName, before, after *pod) { n.update(before, after) },
		MapError: func(err error) error { return watch.ExplainForbidden(err, "pods") },
		// Pods that cannot be listed any more are unknown: the last count may be wrong in both directions.
		Lasting:  func(error) bool { return true },
		Expires:  true,
		MaxRetry: func(error) time.Duration { return maxRetry },
	})
	return n
}

// unfinished selects pods that have not finished. The API server then sends the end of a pod as its deletion.
var unfinished = fields.AndSelectors(
	fields.OneTermNotEqualSelector("status.phase", string(corev1.PodSucceeded)), fields.OneTermNotEqualSelector("status.phase", string(corev1.PodFailed)),
)
