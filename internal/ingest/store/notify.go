package store

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// pendingWatchers are the watchers to notify of the change that is being made under the store's mutex.
//
// Invariants:
//   - A watcher is pending at most once per change, and each change gives it a new version.
//   - A watcher is called with the mutex released, in the order of its versions, and never with a version that it had before.
type pendingWatchers struct {
	watchers []*watcher
	// trace is the span of the delivery that makes the change; zero for a change without one.
	trace scalers.Trace
}

// enqueue adds a watcher, with the time of the change.
func (p *pendingWatchers) enqueue(w *watcher, at time.Time) {
	w.at = later(w.at, at)
	if !w.pending {
		w.pending, w.trace = true, p.trace
		w.version++
		p.watchers = append(p.watchers, w)
	}
}

// drain returns the pending watchers, and ends the current change.
func (p *pendingWatchers) drain() []*watcher {
	all := p.watchers
	p.watchers, p.trace = nil, scalers.Trace{}
	for _, w := range all {
		w.pending = false
	}
	return all
}

// enqueueAll enqueues every watcher. The mutex is held.
func (s *Store) enqueueAll(at time.Time) {
	s.index.eachWatcher(func(w *watcher) { s.pending.enqueue(w, at) })
}

// drain ends the current change: it rearms the timer, and returns the watchers to notify. The mutex is held.
func (s *Store) drain() []*watcher {
	s.rearm()
	return s.pending.drain()
}

// snapshot has the alerts that a watcher selects at one time.
type snapshot struct {
	version int
	cause   triggers.Cause
	alerts  []triggers.Alert
	err     error
}

// snapshot returns what a watcher selects now.
func (s *Store) snapshot(w *watcher) snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := snapshot{version: w.version, cause: triggers.Cause{At: w.at, Trace: w.trace}, err: s.loadErr}
	if v.version == w.notified || v.err != nil {
		return v
	}
	if until := s.losses.until(w); until.After(s.now()) {
		v.err = fmt.Errorf("some of the recorded alerts were lost or dropped: until %s others may be firing", until.UTC().Format(time.RFC3339))
	}
	visible := make([]*selection, 0, len(w.selections))
	for _, l := range w.selections {
		if l.state.visible() {
			visible = append(visible, l)
		}
	}
	slices.SortFunc(visible, func(a, b *selection) int {
		return cmp.Or(cmp.Compare(a.entry.Fingerprint, b.entry.Fingerprint), cmp.Compare(a.entry.Endpoint, b.entry.Endpoint))
	})
	v.alerts = make([]triggers.Alert, len(visible))
	for i, l := range visible {
		e := l.entry
		v.alerts[i] = triggers.Alert{
			Level: e.level(), Labels: e.Labels, Annotations: e.Annotations, StartsAt: e.StartsAt.Time, LastSeen: e.LastSeen.Time,
			Stale: l.state.stale, ExpiresAt: l.state.expiresAt(), CountsFrom: l.state.countsFrom(),
		}
	}
	return v
}
