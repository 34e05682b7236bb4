package loglimit

import (
	"sync"
	"time"
)

const (
	// Interval is the time between two log lines with the same key.
	Interval = time.Hour
	// maxKeys bounds the keys that are remembered. Those beyond it share one.
	maxKeys = 256
)

// Key identifies what is logged and the sender that causes it.
type Key struct{ Message, Namespace, Sender string }

// Limiter limits log lines by key. It is safe for concurrent use; its zero value is ready to use.
type Limiter struct {
	mu   sync.Mutex
	keys map[Key]*entry
}

// entry holds when a key was logged last, and how often it has occurred since.
type entry struct {
	at    time.Time
	times int
}

// Due counts one occurrence of a key. It reports whether the key is to be logged now and, if so, how often it has occurred since it was
// logged last, this time included.
func (l *Limiter) Due(key Key, now time.Time) (times int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys == nil {
		l.keys = map[Key]*entry{}
	}
	if l.keys[key] == nil && len(l.keys) >= maxKeys && !l.sweep(now) {
		key = Key{}
	}
	e := l.keys[key]
	if e == nil {
		l.keys[key] = &entry{at: now}
		return 1, true
	}
	e.times++
	if now.Sub(e.at) < Interval {
		return 0, false
	}
	times = e.times
	*e = entry{at: now}
	return times, true
}

// sweep removes the keys that were not logged for an Interval, and reports whether there were any. The caller holds mu.
func (l *Limiter) sweep(now time.Time) bool {
	before := len(l.keys)
	for key, e := range l.keys {
		if now.Sub(e.at) >= Interval {
			delete(l.keys, key)
		}
	}
	return len(l.keys) < before
}
