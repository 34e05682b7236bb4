package store

import (
	"maps"
	"time"
)

// lostUntil is how long alerts that a watcher selects may fire without our knowing, because their record was lost; s.mu is
// held. A live alert is repeated within a lease, and a reconcile knows at once.
func (s *Store) lostUntil(w *watcher) time.Time {
	lost := later(s.lostAt, w.droppedAt)
	if lost.IsZero() || s.healed[nameOf(w)].After(lost) {
		return time.Time{}
	}
	return lost.Add(w.patience.lease)
}

func nameOf(w *watcher) selectionName { return selectionName{w.query.Namespace, w.query.Text} }

// awaitFound schedules when a watcher is told that nothing is missing any longer; s.mu is held.
func (s *Store) awaitFound(w *watcher) {
	s.queue.remove(&w.found)
	if until := s.lostUntil(w); until.After(s.now()) {
		s.queue.set(&w.found, until)
	}
}

// lose notes that records were lost; s.mu is held.
func (s *Store) lose(at time.Time) {
	s.lostAt = later(s.lostAt, at)
	s.watchers.every(s.awaitFound)
}

// lack notes that an alert which nobody selects was dropped for want of room: who selects it later does not know of it; s.mu is
// held.
func (s *Store) lack(namespace string) {
	now := s.now()
	s.lackedAt = now
	if _, known := s.dropped[namespace]; !known {
		maps.DeleteFunc(s.dropped, func(_ string, at time.Time) bool { return now.Sub(at) > MaxTTL })
	}
	s.dropped[namespace] = now
}

// heal notes that the senders themselves have said what fires of a selection; s.mu is held.
func (s *Store) heal(name selectionName, at time.Time) {
	lost := later(s.lostAt, s.lackedAt)
	if lost.IsZero() || name.text == "" {
		return
	}
	if s.now().After(lost.Add(MaxTTL)) {
		clear(s.healed)
		return
	}
	if s.healed[name].After(lost) {
		return
	}
	var healed []*watcher
	s.watchers.every(func(w *watcher) {
		if nameOf(w) == name && s.lostUntil(w).After(s.now()) {
			healed = append(healed, w)
		}
	})
	s.healed[name] = later(s.healed[name], at)
	for _, w := range healed {
		if s.lostUntil(w).IsZero() {
			s.queue.remove(&w.found)
			s.mark(w, at)
		}
	}
}
