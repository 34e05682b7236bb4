package writes

import (
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
)

// Queue has the keys of what waits to be written, and its writers. Namespaces take turns, and each has some of the writers at most, so that one
// whose admission webhook does not answer leaves writers for others. After a write that was not answered in time, a namespace is silent: it
// has one writer until one is answered, and all silent namespaces together have half of the writers.
type Queue[K comparable] struct {
	workqueue.TypedRateLimitingInterface[K]

	order *order[K]
}

// QueueOptions configure a Queue. All are required.
type QueueOptions[K comparable] struct {
	// Namespace returns the namespace of a key.
	Namespace func(K) string
	// Writers is the number of writers, and OfNamespace how many of them one namespace has at most.
	Writers, OfNamespace int
	// FirstRetry is how long a key waits that is added for a retry. The time doubles with each retry, up to LongestRetry.
	FirstRetry, LongestRetry time.Duration
}

// NewQueue returns a Queue without keys.
func NewQueue[K comparable](o QueueOptions[K]) *Queue[K] {
	order := newOrder(o)
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[K](o.FirstRetry, o.LongestRetry)
	queue := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[K]{Queue: order})
	return &Queue[K]{order: order, TypedRateLimitingInterface: workqueue.NewTypedRateLimitingQueueWithConfig(limiter, workqueue.TypedRateLimitingQueueConfig[K]{
		DelayingQueue: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[K]{Queue: queue}),
	})}
}

// Run calls write with one key after the other, in each writer, until the queue is shut down and empty. write returns the error of the API
// server or nil.
func (q *Queue[K]) Run(write func(K) error) {
	var all sync.WaitGroup
	for range q.order.Writers {
		all.Go(func() { q.work(write) })
	}
	all.Wait()
}

// work is one writer. The queue wakes up one when a key is added, and none when a turn ends, after which several keys may be written: this
// writer asks for the next one, and adds its own key once more, which wakes up another writer.
func (q *Queue[K]) work(write func(K) error) {
	for {
		key, shutdown := q.Get()
		if shutdown {
			return
		}
		if q.order.end(key, write(key), time.Now()) {
			q.Add(key)
		}
		q.Done(key)
	}
}

// First moves a key that waits before the others of its namespace.
func (q *Queue[K]) First(key K) { q.order.first(key) }
