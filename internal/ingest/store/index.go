package store

import (
	"cmp"
	"maps"
	"slices"

	"github.com/impulse-sh/impulse/triggers"
)

// byName finds the records of a namespace by their label alertname, those of a direct door by its name.
type byName map[string]map[*fact]struct{}

func (r *fact) bucket() string {
	if r.direct {
		return r.Endpoint
	}
	return r.Labels["alertname"]
}

func (s *Store) roomOf(namespace string) byName {
	if s.rooms[namespace] == nil {
		s.rooms[namespace] = byName{}
	}
	return s.rooms[namespace]
}

func (n byName) add(r *fact) {
	name := r.bucket()
	if n[name] == nil {
		n[name] = map[*fact]struct{}{}
	}
	n[name][r] = struct{}{}
}

func (n byName) remove(r *fact) {
	name := r.bucket()
	if delete(n[name], r); len(n[name]) == 0 {
		delete(n, name)
	}
}

// selectedBy calls visit with every record that a query selects, whatever its state; s.mu is held.
func (s *Store) selectedBy(q *triggers.AlertQuery, visit func(*fact)) {
	records := s.rooms[q.Namespace]
	ask := func(set map[*fact]struct{}) {
		for r := range set {
			if selects(q, r) {
				visit(r)
			}
		}
	}
	name, named := q.Equal["alertname"]
	if isDirect(q) {
		name, named = doorOf(q), true
	}
	if named {
		ask(records[name])
		return
	}
	for _, set := range records {
		ask(set)
	}
}

// isDirect reports whether a query is of a direct door.
func isDirect(q *triggers.AlertQuery) bool { return q.Object != "" }

func doorOf(q *triggers.AlertQuery) string {
	return Endpoint{Namespace: q.Namespace, Object: q.Object, Trigger: q.Trigger}.String()
}

// selects reports whether a query of a record's namespace selects it.
func selects(q *triggers.AlertQuery, r *fact) bool {
	if isDirect(q) {
		return r.Endpoint == doorOf(q) && (q.Match == nil || q.Match(r.Labels))
	}
	return !r.direct && q.Match(r.Labels)
}

// watchers finds those who select an alert, by namespace and by one label that they ask for: the cost of an alert does not
// grow with the number of objects that do not select it.
type watchers struct{ byNamespace map[string]*index }

type set map[*watcher]struct{}

type index struct {
	byLabel map[[2]string]set
	byDoor  map[string]set
	rest    set
}

func newWatchers() watchers { return watchers{byNamespace: map[string]*index{}} }

// add puts a watcher where it is found: under the one of its labels that fewest others are under.
func (all watchers) add(w *watcher) {
	ns := all.byNamespace[w.query.Namespace]
	if ns == nil {
		ns = &index{byLabel: map[[2]string]set{}, byDoor: map[string]set{}, rest: set{}}
		all.byNamespace[w.query.Namespace] = ns
	}
	switch {
	case isDirect(&w.query):
		put(ns.byDoor, doorOf(&w.query), w)
	case len(w.query.Equal) == 0:
		ns.rest[w] = struct{}{}
	default:
		w.label = ns.rarest(w.query.Equal)
		put(ns.byLabel, w.label, w)
	}
}

func (ns *index) rarest(equal map[string]string) [2]string {
	names := slices.Sorted(maps.Keys(equal))
	label := func(name string) [2]string { return [2]string{name, equal[name]} }
	name := slices.MinFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(ns.byLabel[label(a)]), len(ns.byLabel[label(b)])), cmp.Compare(commonness(a), commonness(b)))
	})
	return label(name)
}

// commonness guesses which labels most alerts have in common.
func commonness(name string) int {
	switch name {
	case "severity", "job", "namespace", "cluster":
		return 2
	case "alertname":
		return 0
	default:
		return 1
	}
}

func (all watchers) remove(w *watcher) {
	ns := all.byNamespace[w.query.Namespace]
	switch {
	case isDirect(&w.query):
		take(ns.byDoor, doorOf(&w.query), w)
	case len(w.query.Equal) == 0:
		delete(ns.rest, w)
	default:
		take(ns.byLabel, w.label, w)
	}
	if len(ns.rest)+len(ns.byLabel)+len(ns.byDoor) == 0 {
		delete(all.byNamespace, w.query.Namespace)
	}
}

func put[K comparable](sets map[K]set, k K, w *watcher) {
	if sets[k] == nil {
		sets[k] = set{}
	}
	sets[k][w] = struct{}{}
}

func take[K comparable](sets map[K]set, k K, w *watcher) {
	if delete(sets[k], w); len(sets[k]) == 0 {
		delete(sets, k)
	}
}

// of returns those who select a record.
func (all watchers) of(r *fact) []*watcher {
	ns := all.byNamespace[r.namespace]
	if ns == nil {
		return nil
	}
	var found []*watcher
	ask := func(some set) {
		for w := range some {
			if selects(&w.query, r) {
				found = append(found, w)
			}
		}
	}
	if r.direct {
		ask(ns.byDoor[r.Endpoint])
		return found
	}
	ask(ns.rest)
	for name, value := range r.Labels {
		ask(ns.byLabel[[2]string{name, value}])
	}
	return found
}

// listen reports whether anybody selects alerts of a namespace, be it others than are known.
func (all watchers) listen(namespace string) bool {
	ns := all.byNamespace[namespace]
	return ns != nil && len(ns.rest)+len(ns.byLabel) > 0
}

// every calls visit with all of them.
func (all watchers) every(visit func(*watcher)) {
	for _, ns := range all.byNamespace {
		for w := range ns.rest {
			visit(w)
		}
		for _, some := range ns.byLabel {
			for w := range some {
				visit(w)
			}
		}
		for _, some := range ns.byDoor {
			for w := range some {
				visit(w)
			}
		}
	}
}
