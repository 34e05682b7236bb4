package alerts

import "time"

// lostUntil is how long alerts that a watcher selects may fire without our knowing, because their record was lost; s.mu is
// held. A live alert is repeated within a lease, and a reconcile knows at once.
func (s *Store) lostUntil(w *watcher) time.Time {
	if s.lostAt.IsZero() || s.healed[nameOf(w)].After(s.lostAt) {
		return time.Time{}
	}
	return s.lostAt.Add(w.patience.lease)
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

// heal notes that the senders themselves have said what fires of a selection; s.mu is held.
func (s *Store) heal(name selectionName, at time.Time) {
	if s.lostAt.IsZero() || name.text == "" || !at.After(s.lostAt) {
		return
	}
	if s.now().After(s.lostAt.Add(MaxLease)) {
		clear(s.healed)
		return
	}
	if _, known := s.healed[name]; !known {
		s.watchers.every(func(w *watcher) {
			if nameOf(w) == name {
				s.queue.remove(&w.found)
				s.mark(w, at)
			}
		})
	}
	s.healed[name] = at
}
