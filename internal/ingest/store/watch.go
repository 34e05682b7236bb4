package store

import (
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// watcher is one query, with the callback that receives what it selects.
type watcher struct {
	query  triggers.AlertQuery
	policy expiryPolicy
	// label is the one that the index has the watcher under.
	label [2]string

	// The fields of this block belong to the store's mutex. version counts the changes, at is when the newest was, and trace the span of its
	// delivery; pending: the watcher is to be notified of the current change.
	selections map[*entry]*selection
	pending    bool
	version    int
	at         time.Time
	trace      scalers.Trace
	// recovery is when nothing that was lost is missing any longer.
	recovery deadline[expirer]
	// droppedAt is when an alert was last evicted that the watcher might have selected.
	droppedAt time.Time

	// notifying keeps the calls of changed apart and in order, and guards the fields below. notified is the newest version that changed was called with.
	notifying sync.Mutex
	notified  int
	removed   bool
	changed   func(c triggers.Cause, alerts []triggers.Alert, err error)
}

// selection is a record that a watcher selects, with its state when it was last evaluated.
type selection struct {
	deadline[expirer]

	watcher *watcher
	entry   *entry
	state   state
}

// Follow is triggers.Alerts'.
func (s *Store) Follow(q triggers.AlertQuery, changed func(c triggers.Cause, alerts []triggers.Alert, err error)) (stop func()) {
	w := &watcher{query: q, policy: policyOf(&q), selections: map[*entry]*selection{}, changed: changed}
	w.recovery.owner = w
	s.mu.Lock()
	now := s.now()
	w.droppedAt = s.losses.dropped[q.Namespace]
	s.index.addWatcher(w)
	s.index.visit(&w.query, func(e *entry) { s.selectEntry(w, e) })
	s.scheduleRecovery(w)
	s.pending.enqueue(w, now)
	pending := s.drain()
	s.mu.Unlock()
	s.notify(pending)
	return func() { s.unfollow(w) }
}

// unfollow removes a watcher. It waits for the call of changed in progress.
func (s *Store) unfollow(w *watcher) {
	s.mu.Lock()
	s.index.removeWatcher(w)
	for _, l := range w.selections {
		s.deselect(l, s.now())
	}
	s.expiry.cancel(&w.recovery)
	delete(s.silent, nameOf(w))
	s.rearm()
	s.mu.Unlock()
	w.notifying.Lock()
	defer w.notifying.Unlock()
	w.removed = true
}

// expire notifies a watcher that nothing is missing any longer.
func (w *watcher) expire(s *Store, now time.Time) { s.pending.enqueue(w, now) }

// selectEntry adds a record to what a watcher selects. The mutex is held.
func (s *Store) selectEntry(w *watcher, e *entry) {
	l := &selection{watcher: w, entry: e}
	l.owner = l
	w.selections[e], e.selections[w] = l, l
	e.notFresh++
	if w.policy.onAbsence {
		e.onAbsence++
	}
	e.unwritten = min(e.unwritten, w.policy.unwritten())
	if e.charge.rank != kept && e.charge.class != uncounted {
		s.account(e) // It cannot be evicted any longer.
	}
	s.evaluate(l, s.now(), false)
}

// deselect removes a record from what its watcher selects. The mutex is held.
func (s *Store) deselect(l *selection, now time.Time) {
	w, e := l.watcher, l.entry
	s.expiry.cancel(&l.deadline)
	delete(e.selections, w)
	if !l.state.fresh() {
		e.notFresh--
	}
	if w.policy.onAbsence {
		e.onAbsence--
	}
	if len(e.selections) == 0 {
		e.unselectedSince = now
		s.account(e)
		s.expiry.schedule(&e.removal, e.usefulUntil())
	}
}

// expire evaluates a selection whose state changes by itself.
func (l *selection) expire(s *Store, now time.Time) {
	if s.evaluate(l, now, false) && !l.state.counts {
		s.writer.changed(l.entry) // After a restart it must be known that the record ended before.
	}
}

// evaluate determines the state of a record for its watcher, and enqueues the watcher if the state has changed, or if the record has
// other content and is visible. It reports whether the record now counts or is stale where it was not, or the reverse. The mutex is held.
func (s *Store) evaluate(l *selection, now time.Time, contentChanged bool) bool {
	was := l.state
	l.state = l.watcher.policy.state(&l.entry.record, micro(now).Time)
	s.expiry.schedule(&l.deadline, l.state.next)
	switch {
	case l.state.fresh() && !was.fresh():
		l.entry.notFresh--
	case !l.state.fresh() && was.fresh():
		l.entry.notFresh++
	}
	moved := was.counts != l.state.counts || was.stale != l.state.stale
	rescheduled := !was.countsFrom().Equal(l.state.countsFrom()) || !was.expiresAt().Equal(l.state.expiresAt())
	if moved || rescheduled || contentChanged && l.state.visible() {
		s.pending.enqueue(l.watcher, now)
	}
	return moved
}
