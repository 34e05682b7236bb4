package alerts

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers"
)

// watchers finds those who select an alert, by namespace and by one label that they ask for: the cost of an alert does not
// grow with the number of objects that do not select it.
type watchers struct{ byNamespace map[string]*index }

type index struct {
	byLabel map[[2]string]map[*watcher]struct{}
	rest    map[*watcher]struct{}
}

// watcher is one selection of alerts.
type watcher struct {
	query triggers.AlertQuery
	label *[2]string
	// selected, and the newest view of it, belong to the store and its mutex.
	selected map[key]*v1alpha1.StoredAlert
	newest   view

	// deliver keeps calls apart and in order; shown is the newest view that was delivered.
	deliver sync.Mutex
	shown   int
	gone    bool
	changed func(at time.Time, alerts []triggers.Alert, err error)
	load    func() view
}

// view is a selection at one moment.
type view struct {
	turn   int
	at     time.Time
	alerts []triggers.Alert
	err    error
}

func newWatchers() watchers { return watchers{byNamespace: map[string]*index{}} }

// Watch is triggers.Alerts'.
func (s *Store) Watch(ctx context.Context, q triggers.AlertQuery, changed func(at time.Time, alerts []triggers.Alert, err error)) error {
	w := &watcher{query: q, selected: map[key]*v1alpha1.StoredAlert{}, changed: changed}
	w.load = func() view {
		s.mu.Lock()
		defer s.mu.Unlock()
		return w.newest
	}
	if len(q.Equal) > 0 {
		name := "alertname"
		if _, ok := q.Equal[name]; !ok || len(q.Equal) > 1 {
			name = rarest(q.Equal)
		}
		w.label = &[2]string{name, q.Equal[name]}
	}
	s.mu.Lock()
	s.watchers.add(w)
	w.refill(s.alerts, s.now(), s.loadErr)
	s.mu.Unlock()
	tell([]*watcher{w})
	<-ctx.Done()
	s.mu.Lock()
	s.watchers.remove(w)
	s.mu.Unlock()
	w.deliver.Lock()
	defer w.deliver.Unlock()
	w.gone = true
	return ctx.Err()
}

// rarest guesses which of several labels fewest alerts have: not the ones that most have in common.
func rarest(equal map[string]string) string {
	names := slices.Sorted(maps.Keys(equal))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(commonness(a), commonness(b)) })
	return names[0]
}

func commonness(name string) int {
	switch name {
	case "severity", "job", "namespace", "cluster":
		return 2
	case "alertname":
		return 1
	default:
		return 0
	}
}

func (all watchers) add(w *watcher) {
	ns := all.byNamespace[w.query.Namespace]
	if ns == nil {
		ns = &index{byLabel: map[[2]string]map[*watcher]struct{}{}, rest: map[*watcher]struct{}{}}
		all.byNamespace[w.query.Namespace] = ns
	}
	if w.label == nil {
		ns.rest[w] = struct{}{}
		return
	}
	if ns.byLabel[*w.label] == nil {
		ns.byLabel[*w.label] = map[*watcher]struct{}{}
	}
	ns.byLabel[*w.label][w] = struct{}{}
}

func (all watchers) remove(w *watcher) {
	ns := all.byNamespace[w.query.Namespace]
	if w.label == nil {
		delete(ns.rest, w)
	} else if delete(ns.byLabel[*w.label], w); len(ns.byLabel[*w.label]) == 0 {
		delete(ns.byLabel, *w.label)
	}
	if len(ns.rest)+len(ns.byLabel) == 0 {
		delete(all.byNamespace, w.query.Namespace)
	}
}

// interest is who selects an alert: any is true when somebody does, and told are to be told of its change.
type interest struct {
	any  bool
	told []*watcher
}

// change finds who selects an alert and brings their views up to date when it has changed.
func (all watchers) change(namespace string, k key, a *v1alpha1.StoredAlert, at time.Time, changed bool) interest {
	var found interest
	ns := all.byNamespace[namespace]
	if ns == nil || a == nil {
		return found
	}
	visit := func(w *watcher) {
		if !w.query.Match(a.Labels) {
			return
		}
		found.any = true
		if !changed {
			return
		}
		if a.Firing {
			w.selected[k] = a
		} else {
			delete(w.selected, k)
		}
		w.renew(at, nil)
		found.told = append(found.told, w)
	}
	for w := range ns.rest {
		visit(w)
	}
	for name, value := range a.Labels {
		for w := range ns.byLabel[[2]string{name, value}] {
			visit(w)
		}
	}
	return found
}

// refill computes everybody's view anew.
func (all watchers) refill(alerts map[key]*v1alpha1.StoredAlert, at time.Time, err error) []*watcher {
	var told []*watcher
	visit := func(set map[*watcher]struct{}) {
		for w := range set {
			w.refill(alerts, at, err)
			told = append(told, w)
		}
	}
	for _, ns := range all.byNamespace {
		visit(ns.rest)
		for _, set := range ns.byLabel {
			visit(set)
		}
	}
	return told
}

// refill computes a watcher's selection from all alerts.
func (w *watcher) refill(alerts map[key]*v1alpha1.StoredAlert, at time.Time, err error) {
	clear(w.selected)
	for k, a := range alerts {
		namespace, _, _ := strings.Cut(k.door, "/")
		if a.Firing && namespace == w.query.Namespace && w.query.Match(a.Labels) {
			w.selected[k] = a
		}
	}
	w.renew(at, err)
}

// renew makes the newest view of what is selected.
func (w *watcher) renew(at time.Time, err error) {
	v := view{turn: w.newest.turn + 1, at: at, err: err}
	if err == nil {
		keys := slices.SortedFunc(maps.Keys(w.selected), func(a, b key) int {
			return cmp.Or(cmp.Compare(a.fingerprint, b.fingerprint), cmp.Compare(a.door, b.door))
		})
		v.alerts = make([]triggers.Alert, len(keys))
		for i, k := range keys {
			v.alerts[i] = triggers.Alert{Labels: w.selected[k].Labels, Annotations: w.selected[k].Annotations}
		}
	}
	w.newest = v
}

// tell shows each watcher its newest view, unless it has been shown already. The store's mutex is not held.
func tell(all []*watcher) {
	for _, w := range all {
		w.deliver.Lock()
		if v := w.load(); !w.gone && v.turn > w.shown {
			w.shown = v.turn
			w.changed(v.at, v.alerts, v.err)
		}
		w.deliver.Unlock()
	}
}
