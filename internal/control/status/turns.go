package status

import (
	"strings"
	"sync"

	"k8s.io/client-go/util/workqueue"
)

// turns is the order in which the queue returns the keys of statuses. Namespaces take turns, and each has writersOfNamespace of the writers at
// most, so that one whose admission webhook does not answer leaves writers for others. It implements workqueue.Queue.
//
// The queue wakes up one writer when a key is added, and none when a turn ends: the writer that ends the turn then asks for the next key. No
// other one is needed, because one more key can be written at most.
type turns struct {
	mu         sync.Mutex
	namespaces map[string]*namespace
	// ready are the namespaces with a key that may be written now. The one that had the last turn is at the end.
	ready []*namespace
}

// namespace has the keys of one namespace that wait, and how many writers write the status of another one.
type namespace struct {
	waiting []string
	writing int
}

// queueOf returns a queue of keys in the order of turns.
func queueOf(t *turns) workqueue.TypedRateLimitingInterface[string] {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[string](minInterval, longestRetry)
	queue := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[string]{Queue: t})
	return workqueue.NewTypedRateLimitingQueueWithConfig(limiter, workqueue.TypedRateLimitingQueueConfig[string]{
		DelayingQueue: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[string]{Queue: queue}),
	})
}

func newTurns() *turns { return &turns{namespaces: map[string]*namespace{}} }

// Touch implements workqueue.Queue. A key that is added again keeps its place.
func (t *turns) Touch(string) {}

// Push implements workqueue.Queue.
func (t *turns) Push(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	name, _, _ := strings.Cut(key, "/")
	n := t.namespaces[name]
	if n == nil {
		n = &namespace{}
		t.namespaces[name] = n
	}
	if n.waiting = append(n.waiting, key); len(n.waiting) == 1 && n.writing < writersOfNamespace {
		t.ready = append(t.ready, n)
	}
}

// Len implements workqueue.Queue. It returns 0 if no key may be written now, although some may wait.
func (t *turns) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.ready)
}

// Pop implements workqueue.Queue. It begins a turn.
func (t *turns) Pop() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.ready[0]
	t.ready = t.ready[1:]
	key := n.waiting[0]
	n.waiting = n.waiting[1:]
	if n.writing++; len(n.waiting) > 0 && n.writing < writersOfNamespace {
		t.ready = append(t.ready, n)
	}
	return key
}

// end ends the turn of a key. The caller then calls Done of the queue, and asks it for the next key.
func (t *turns) end(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	name, _, _ := strings.Cut(key, "/")
	n := t.namespaces[name]
	switch n.writing--; {
	case len(n.waiting) == 0 && n.writing == 0:
		delete(t.namespaces, name)
	case len(n.waiting) > 0 && n.writing == writersOfNamespace-1:
		t.ready = append(t.ready, n)
	}
}
