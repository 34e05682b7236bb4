package watch

import "slices"

// Subscriber is notified of changes. Notify is called under the lock of a Cache. It must not block, and must not use the Cache. Subscribers
// are compared with ==.
type Subscriber interface{ Notify() }

// notifiers are filed under what they are notified of.
type notifiers[K comparable] map[K][]Subscriber

func (all notifiers[K]) add(k K, n Subscriber) { all[k] = append(all[k], n) }

func (all notifiers[K]) remove(k K, n Subscriber) {
	all[k] = slices.DeleteFunc(all[k], func(other Subscriber) bool { return other == n })
	if len(all[k]) == 0 {
		delete(all, k)
	}
}

func (all notifiers[K]) notify(k K) {
	for _, n := range all[k] {
		n.Notify()
	}
}

func (all notifiers[K]) notifyAll() {
	for k := range all {
		all.notify(k)
	}
}
