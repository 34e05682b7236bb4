package store

import (
	"maps"
	"time"
)

// losses remembers when records were lost, so that for some time a missing alert is unknown, and not over.
type losses struct {
	// lostAt is when a shard was last found to be unreadable.
	lostAt time.Time
	// dropped is when an unselected alert was last evicted, by namespace, and droppedAt in any.
	dropped   map[string]time.Time
	droppedAt time.Time
	// recovered is when all senders of a selection last reported what fires.
	recovered map[selectionName]time.Time
}

// selectionName identifies the watchers that select the same alerts.
type selectionName struct{ namespace, text string }

func nameOf(w *watcher) selectionName { return selectionName{w.query.Namespace, w.query.Text} }

func newLosses() losses {
	return losses{dropped: map[string]time.Time{}, recovered: map[selectionName]time.Time{}}
}

// until returns until when alerts that a watcher selects may fire without a record; zero: none is missing. A firing alert is repeated
// within its ttl, and a reconcile reports it at once.
func (l *losses) until(w *watcher) time.Time {
	lost := later(l.lostAt, w.droppedAt)
	if lost.IsZero() || l.recovered[nameOf(w)].After(lost) {
		return time.Time{}
	}
	return lost.Add(w.policy.ttl)
}

// markDropped notes that an unselected alert was evicted: a watcher that selects it later does not know of it.
func (l *losses) markDropped(namespace string, now time.Time) {
	l.droppedAt = now
	if _, known := l.dropped[namespace]; !known {
		maps.DeleteFunc(l.dropped, func(_ string, at time.Time) bool { return now.Sub(at) > MaxTTL })
	}
	l.dropped[namespace] = now
}

// scheduleRecovery schedules when a watcher is notified that nothing is missing any longer. The mutex is held.
func (s *Store) scheduleRecovery(w *watcher) {
	s.expiry.cancel(&w.recovery)
	if until := s.losses.until(w); until.After(s.now()) {
		s.expiry.schedule(&w.recovery, until)
	}
}

// markLost notes that records were lost. The mutex is held.
func (s *Store) markLost(at time.Time) {
	s.losses.lostAt = later(s.losses.lostAt, at)
	s.index.eachWatcher(s.scheduleRecovery)
}

// recover notes that all senders have reported what fires of a selection. The mutex is held.
func (s *Store) recover(name selectionName, at time.Time) {
	l := &s.losses
	lost := later(l.lostAt, l.droppedAt)
	if lost.IsZero() || name.text == "" {
		return
	}
	if s.now().After(lost.Add(MaxTTL)) {
		clear(l.recovered)
		return
	}
	if l.recovered[name].After(lost) {
		return
	}
	var affected []*watcher
	s.index.eachWatcher(func(w *watcher) {
		if nameOf(w) == name && l.until(w).After(s.now()) {
			affected = append(affected, w)
		}
	})
	l.recovered[name] = later(l.recovered[name], at)
	for _, w := range affected {
		if l.until(w).IsZero() {
			s.expiry.cancel(&w.recovery)
			s.pending.enqueue(w, at)
		}
	}
}
