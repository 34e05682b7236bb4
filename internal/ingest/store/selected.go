package store

import (
	"cmp"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// Selected is a record that a watcher selects, and its state for that watcher.
type Selected struct {
	Endpoint    Endpoint
	Fingerprint string
	// Labels must not be changed.
	Labels   map[string]string
	StartsAt time.Time
	State    State
}

// maxSelected bounds the records that Selected sorts.
const maxSelected = 1000

// Selected returns the records that the watcher of a query selects and that count, or wait for the end of their late window: the newest ones, at
// most as many as most. It also returns how many there are. Of more than a thousand it sorts any thousand. A query without a watcher selects none.
func (s *Store) Selected(q *triggers.AlertQuery, most int) (some []Selected, total int) {
	s.mu.Lock()
	if w := s.index.find(q); w != nil {
		for e, l := range w.selections {
			if !l.state.visible() {
				continue
			}
			if total++; total <= maxSelected {
				some = append(some, Selected{
					ParseEndpoint(e.Endpoint), e.Fingerprint, e.Labels, e.StartsAt.Time,
					State{Counts: l.state.counts, Stale: l.state.stale, CountsFrom: l.state.countsFrom()},
				})
			}
		}
	}
	s.mu.Unlock()
	slices.SortFunc(some, func(a, b Selected) int {
		return cmp.Or(b.StartsAt.Compare(a.StartsAt), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return some[:min(len(some), most)], total
}

// find returns a watcher of a query; nil if there is none. The query must name the object that selects.
func (x *index) find(q *triggers.AlertQuery) *watcher {
	ns := x.namespaces[q.Namespace]
	if ns == nil {
		return nil
	}
	in := func(some watcherSet) *watcher {
		for w := range some {
			if w.query.SelectedBy == q.SelectedBy && w.query.Text == q.Text {
				return w
			}
		}
		return nil
	}
	if len(q.Equal) == 0 {
		return in(ns.others)
	}
	for name, value := range q.Equal {
		if w := in(ns.byLabel[[2]string{name, value}]); w != nil {
			return w
		}
	}
	return nil
}
