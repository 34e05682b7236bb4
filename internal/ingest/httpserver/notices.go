package httpserver

import (
	"sync"
	"time"
)

const (
	// noticeEvery is how often the same is logged of the same sender, and maxNotices bounds how many are told apart.
	noticeEvery = time.Hour
	maxNotices  = 256
)

// notice is something that may happen with each request, and to whom.
type notice struct{ what, namespace, sender string }

// notices decide when something that may happen with each request is logged: at once, and then once an hour while it goes on.
// What is beyond maxNotices is logged as one.
type notices struct {
	mu  sync.Mutex
	all map[notice]*noticed
}

// noticed is when something was logged last, and how often it has happened since.
type noticed struct {
	at    time.Time
	times int
}

// due reports whether something that has just happened is to be logged, and how often it has happened since it was last.
func (n *notices) due(one notice, now time.Time) (times int, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all[one] == nil && len(n.all) >= maxNotices && !n.forget(now) {
		one = notice{}
	}
	seen := n.all[one]
	if seen == nil {
		n.all[one] = &noticed{at: now}
		return 1, true
	}
	seen.times++
	if now.Sub(seen.at) < noticeEvery {
		return 0, false
	}
	times = seen.times
	*seen = noticed{at: now}
	return times, true
}

// forget drops what has not been logged for an hour, and reports whether there was any. The caller holds mu.
func (n *notices) forget(now time.Time) bool {
	before := len(n.all)
	for one, seen := range n.all {
		if now.Sub(seen.at) >= noticeEvery {
			delete(n.all, one)
		}
	}
	return len(n.all) < before
}
