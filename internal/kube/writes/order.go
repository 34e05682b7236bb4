package writes

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// order is the order in which a Queue returns its keys. It implements workqueue.Queue.
type order[K comparable] struct {
	QueueOptions[K]

	mu         sync.Mutex
	namespaces map[string]*keys[K]
	// ready are the namespaces with a key that may be written now, as far as that depends on the namespace. The one that had the last turn is
	// at the end.
	ready []*keys[K]
	// writing is how many keys are being written, and silent how many of them are of silent namespaces.
	writing, silent int
}

// keys has the keys of one namespace that wait, and how many others are being written.
type keys[K comparable] struct {
	waiting []K
	writing int
	// silent means that the newest write was not answered in time, which was at silentAt. That is remembered for forgetAfter.
	silent   bool
	silentAt time.Time
}

func newOrder[K comparable](o QueueOptions[K]) *order[K] {
	return &order[K]{QueueOptions: o, namespaces: map[string]*keys[K]{}}
}

// startable returns how many keys of a namespace may be written now, as far as that depends on the namespace.
func (o *order[K]) startable(n *keys[K]) int {
	limit := o.OfNamespace
	if n.silent {
		limit = 1
	}
	return max(0, min(len(n.waiting), limit-n.writing))
}

// next returns which of the namespaces that are ready has the next turn, or -1, and whether there is another turn after that. The mutex is held.
func (o *order[K]) next() (i int, more bool) {
	i = -1
	silent := max(1, o.Writers/2) - o.silent
	for at, n := range o.ready {
		if n.silent && silent <= 0 {
			continue
		}
		if n.silent {
			silent--
		}
		if i >= 0 {
			return i, true
		}
		i = at
		if o.startable(n) > 1 {
			return i, true
		}
	}
	return i, false
}

// update puts a namespace among those that are ready, at the end, or removes it. The mutex is held.
func (o *order[K]) update(n *keys[K]) {
	i := slices.Index(o.ready, n)
	switch may := o.startable(n) > 0; {
	case may && i < 0:
		o.ready = append(o.ready, n)
	case !may && i >= 0:
		o.ready = slices.Delete(o.ready, i, i+1)
	}
}

// Touch implements workqueue.Queue. A key that is added again keeps its place.
func (o *order[K]) Touch(K) {}

// Push implements workqueue.Queue.
func (o *order[K]) Push(key K) {
	o.mu.Lock()
	defer o.mu.Unlock()
	name := o.Namespace(key)
	n := o.namespaces[name]
	if n == nil {
		n = &keys[K]{}
		o.namespaces[name] = n
	}
	n.waiting = append(n.waiting, key)
	o.update(n)
}

// first moves a key that waits before the others of its namespace.
func (o *order[K]) first(key K) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.namespaces[o.Namespace(key)]
	if n == nil {
		return
	}
	if i := slices.Index(n.waiting, key); i > 0 {
		copy(n.waiting[1:], n.waiting[:i])
		n.waiting[0] = key
	}
}

// Len implements workqueue.Queue. It returns 0 if no key may be written now, although some may wait.
func (o *order[K]) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i, _ := o.next(); i < 0 {
		return 0
	}
	return len(o.ready)
}

// Pop implements workqueue.Queue. It begins a turn.
func (o *order[K]) Pop() K {
	o.mu.Lock()
	defer o.mu.Unlock()
	i, _ := o.next()
	n := o.ready[i]
	o.ready = slices.Delete(o.ready, i, i+1)
	key := n.waiting[0]
	n.waiting = n.waiting[1:]
	n.writing++
	o.writing++
	if n.silent {
		o.silent++
	}
	o.update(n)
	return key
}

// end ends the turn of a key with the error of its write or nil. It reports whether a writer waits although there is a turn for it, besides one
// for the caller.
func (o *order[K]) end(key K, err error, now time.Time) (wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	name := o.Namespace(key)
	n := o.namespaces[name]
	if n.silent {
		o.silent -= n.writing
	}
	n.writing--
	o.writing--
	n.silent = TimedOut(err)
	if n.silent {
		o.silent += n.writing
		n.silentAt = now
		maps.DeleteFunc(o.namespaces, func(_ string, n *keys[K]) bool { return n.idle() && now.Sub(n.silentAt) > forgetAfter })
	} else if n.idle() {
		delete(o.namespaces, name)
	}
	o.update(n)
	if o.Writers-o.writing < 2 {
		return false
	}
	_, more := o.next()
	return more
}

// idle reports whether no key of a namespace waits or is being written.
func (n *keys[K]) idle() bool { return len(n.waiting) == 0 && n.writing == 0 }
