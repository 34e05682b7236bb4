package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// watcher is one selection of alerts, and what it thinks of them.
type watcher struct {
	query    triggers.AlertQuery
	patience patience
	// label is where the index has it.
	label [2]string

	// selected, marked, turn, at and found belong to the store and its mutex. turn counts the changes, at is when the newest
	// was; marked: it is to be told of the change under way; found is when nothing that was lost is missing any longer.
	selected map[*fact]*selection
	marked   bool
	turn     int
	at       time.Time
	found    entry
	// droppedAt is when an alert was dropped last that it may select, had it begun before.
	droppedAt time.Time

	// deliver keeps calls apart and in order; shown is the newest turn that was delivered.
	deliver sync.Mutex
	shown   int
	gone    bool
	changed func(at time.Time, alerts []triggers.Alert, err error)
}

// selection is a record that a watcher selects, and where it stood when it was looked at last.
type selection struct {
	entry

	watcher *watcher
	fact    *fact
	shown   standing
}

// selectionName says which watchers select the same.
type selectionName struct{ namespace, text string }

// Watch is triggers.Alerts'.
func (s *Store) Watch(ctx context.Context, q triggers.AlertQuery, changed func(at time.Time, alerts []triggers.Alert, err error)) error {
	w := &watcher{query: q, patience: patienceOf(&q), selected: map[*fact]*selection{}, changed: changed}
	w.found.watcher = w
	s.mu.Lock()
	now := s.now()
	w.droppedAt = s.dropped[q.Namespace]
	s.watchers.add(w)
	s.selectedBy(&w.query, func(r *fact) { s.selects(w, r) })
	s.awaitFound(w)
	s.mark(w, now)
	told := s.told()
	s.mu.Unlock()
	s.tell(told)
	<-ctx.Done()
	s.mu.Lock()
	s.watchers.remove(w)
	for r, l := range w.selected {
		s.deselects(l, r, s.now())
	}
	s.queue.remove(&w.found)
	delete(s.silent, nameOf(w))
	s.rearm()
	s.mu.Unlock()
	w.deliver.Lock()
	defer w.deliver.Unlock()
	w.gone = true
	return ctx.Err()
}

// selects joins a watcher and a record; s.mu is held.
func (s *Store) selects(w *watcher, r *fact) {
	l := &selection{watcher: w, fact: r}
	l.selection = l
	w.selected[r], r.watched[w] = l, l
	r.unsure++
	if w.patience.absent {
		r.counting++
	}
	r.unwritten = min(r.unwritten, w.patience.unwritten())
	if r.booked.rank != kept && r.booked.class != uncounted {
		s.book(r) // It is not dropped any longer.
	}
	s.look(l, s.now(), false)
}

// deselects parts them; s.mu is held.
func (s *Store) deselects(l *selection, r *fact, now time.Time) {
	w := l.watcher
	s.queue.remove(&l.entry)
	delete(r.watched, w)
	if !l.shown.plain() {
		r.unsure--
	}
	if w.patience.absent {
		r.counting--
	}
	if len(r.watched) == 0 {
		r.idle = now
		s.book(r)
		s.queue.set(&r.forget, r.usefulUntil())
	}
}

// look sees where a record stands now. It reports whether that is elsewhere than before, and has the watcher told of it, or
// of what the record says when that has changed. s.mu is held.
func (s *Store) look(l *selection, now time.Time, changed bool) bool {
	was := l.shown
	l.shown = l.watcher.patience.of(l.fact, micro(now).Time)
	s.queue.set(&l.entry, l.shown.next)
	switch {
	case l.shown.plain() && !was.plain():
		l.fact.unsure--
	case !l.shown.plain() && was.plain():
		l.fact.unsure++
	}
	moved := was.counts != l.shown.counts || was.stale != l.shown.stale
	again := !was.begins().Equal(l.shown.begins()) || !was.over().Equal(l.shown.over())
	if moved || again || changed && l.shown.visible() {
		s.mark(l.watcher, now)
	}
	return moved
}

// mark makes a watcher one of those who are to be told; s.mu is held.
func (s *Store) mark(w *watcher, at time.Time) {
	w.at = later(w.at, at)
	if !w.marked {
		w.marked = true
		w.turn++
		s.marked = append(s.marked, w)
	}
}

// markAll marks everybody; s.mu is held.
func (s *Store) markAll(at time.Time) {
	s.watchers.every(func(w *watcher) { s.mark(w, at) })
}

// told returns those who were marked, and ends the change under way; s.mu is held.
func (s *Store) told() []*watcher {
	all := s.marked
	s.marked = nil
	for _, w := range all {
		w.marked = false
	}
	s.rearm()
	return all
}

// view is a selection at one moment.
type view struct {
	turn   int
	at     time.Time
	alerts []triggers.Alert
	err    error
}

// view makes the newest view of what a watcher selects.
func (s *Store) view(w *watcher) view {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := view{turn: w.turn, at: w.at, err: s.loadErr}
	if v.turn == w.shown || v.err != nil {
		return v
	}
	if until := s.lostUntil(w); until.After(s.now()) {
		v.err = fmt.Errorf("some of the recorded alerts were lost or dropped: until %s others may be firing", until.UTC().Format(time.RFC3339))
	}
	shown := make([]*fact, 0, len(w.selected))
	for r, l := range w.selected {
		if l.shown.visible() {
			shown = append(shown, r)
		}
	}
	slices.SortFunc(shown, func(a, b *fact) int {
		return cmp.Or(cmp.Compare(a.Fingerprint, b.Fingerprint), cmp.Compare(a.Endpoint, b.Endpoint))
	})
	v.alerts = make([]triggers.Alert, len(shown))
	for i, r := range shown {
		stands := &w.selected[r].shown
		v.alerts[i] = triggers.Alert{
			Level: r.level(), Labels: r.Labels, Annotations: r.Annotations, StartsAt: r.StartsAt.Time, LastSeen: r.LastSeen.Time,
			Stale: stands.stale, ExpiresAt: stands.over(), CountsFrom: stands.begins(),
		}
	}
	return v
}

// tell shows each watcher its newest view, unless it has been shown already. The store's mutex is not held.
func (s *Store) tell(all []*watcher) {
	for _, w := range all {
		w.deliver.Lock()
		if v := s.view(w); !w.gone && v.turn > w.shown {
			w.shown = v.turn
			w.changed(v.at, v.alerts, v.err)
		}
		w.deliver.Unlock()
	}
}
