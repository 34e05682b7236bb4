package status

import (
	"slices"
	"strings"
	"sync"

	"k8s.io/client-go/util/workqueue"

	"github.com/impulse-sh/impulse/internal/kube/writes"
)

// turns is the order in which the queue returns the keys of statuses. Namespaces take turns, and each has writersOfNamespace of the writers at
// most, so that one whose admission webhook does not answer leaves writers for others. After a status that was not answered in time, a namespace
// has one writer until another one is. It implements workqueue.Queue.
//
// The queue wakes up one writer when a key is added, and none when a turn ends: the writer that ends the turn then asks for the next key. So what
// may be written is written by that writer at least.
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
	// silent means that the newest status was not answered in time.
	silent bool
}

// mayWrite reports whether a key may be written now.
func (n *namespace) mayWrite() bool {
	return len(n.waiting) > 0 && n.writing < writersOfNamespace && (n.writing == 0 || !n.silent)
}

// update puts a namespace among those that are ready, at the end, or removes it. The mutex is held.
func (t *turns) update(n *namespace) {
	i := slices.Index(t.ready, n)
	switch may := n.mayWrite(); {
	case may && i < 0:
		t.ready = append(t.ready, n)
	case !may && i >= 0:
		t.ready = slices.Delete(t.ready, i, i+1)
	}
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
	name := namespaceIn(key)
	n := t.namespaces[name]
	if n == nil {
		n = &namespace{}
		t.namespaces[name] = n
	}
	n.waiting = append(n.waiting, key)
	t.update(n)
}

// first moves a key that waits before the others of its namespace.
func (t *turns) first(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.namespaces[namespaceIn(key)]
	if n == nil {
		return
	}
	if i := slices.Index(n.waiting, key); i > 0 {
		copy(n.waiting[1:], n.waiting[:i])
		n.waiting[0] = key
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
	n.writing++
	t.update(n)
	return key
}

// end ends the turn of a key with the error of its write or nil. The caller then calls Done of the queue, and asks it for the next key.
func (t *turns) end(key string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	name := namespaceIn(key)
	n := t.namespaces[name]
	n.writing--
	n.silent = writes.TimedOut(err)
	t.update(n)
	if len(n.waiting) == 0 && n.writing == 0 {
		delete(t.namespaces, name)
	}
}

// namespaceIn returns the namespace in a key.
func namespaceIn(key string) string {
	name, _, _ := strings.Cut(key, "/")
	return name
}
