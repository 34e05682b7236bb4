package store

import (
	"cmp"
	"maps"
	"slices"

	"github.com/impulse-sh/impulse/triggers"
)

// key identifies a record.
type key struct{ endpoint, fingerprint string }

// group is a group of alerts of an endpoint.
type group struct{ endpoint, name string }

// index finds records by key, by query and by group, and the watchers that select a record.
//
// Invariants:
//   - A record is found by its key, by each query that selects it and by its group, or not at all.
//   - watchersOf(e) returns w exactly if visit(w.query) visits e: both mean that selects(w.query, e).
//   - The cost of watchersOf does not grow with the number of watchers whose queries require other values of a label.
type index struct {
	records    map[key]*entry
	groups     map[group]entrySet
	namespaces map[string]*namespaceIndex
}

// namespaceIndex is the index of the records and watchers of one namespace.
type namespaceIndex struct {
	// byName has the records by their label alertname, and the levels by their endpoint.
	byName map[string]entrySet
	// byLabel has the watchers whose queries require labels by one of these labels, byEndpoint those of levels by the endpoint, and
	// others all others.
	byLabel    map[[2]string]watcherSet
	byEndpoint map[string]watcherSet
	others     watcherSet
}

type (
	entrySet   map[*entry]struct{}
	watcherSet map[*watcher]struct{}
)

func newIndex() index {
	return index{records: map[key]*entry{}, groups: map[group]entrySet{}, namespaces: map[string]*namespaceIndex{}}
}

// namespace returns the index of a namespace, and makes it if there is none.
func (x *index) namespace(name string) *namespaceIndex {
	ns := x.namespaces[name]
	if ns == nil {
		ns = &namespaceIndex{
			byName: map[string]entrySet{}, byLabel: map[[2]string]watcherSet{}, byEndpoint: map[string]watcherSet{}, others: watcherSet{},
		}
		x.namespaces[name] = ns
	}
	return ns
}

// forget removes the index of a namespace that has neither records nor watchers.
func (x *index) forget(name string) {
	if ns := x.namespaces[name]; ns != nil && len(ns.byName)+len(ns.byLabel)+len(ns.byEndpoint)+len(ns.others) == 0 {
		delete(x.namespaces, name)
	}
}

// add adds a record. There must be none with its key.
func (x *index) add(e *entry) {
	x.records[e.key()] = e
	insert(x.namespace(e.namespace).byName, e.indexName(), e)
	x.regroup(e)
}

// remove removes a record.
func (x *index) remove(e *entry) {
	delete(x.records, e.key())
	discard(x.namespace(e.namespace).byName, e.indexName(), e)
	x.forget(e.namespace)
	if e.group.name != "" {
		discard(x.groups, e.group, e)
	}
	e.group = group{}
}

// regroup moves a record to the group that it names now.
func (x *index) regroup(e *entry) {
	if e.group.name != "" {
		discard(x.groups, e.group, e)
	}
	if e.group = (group{e.Endpoint, e.Group}); e.Group != "" {
		insert(x.groups, e.group, e)
	}
}

// removeRecords removes all records, and keeps the watchers.
func (x *index) removeRecords() {
	clear(x.records)
	clear(x.groups)
	for name, ns := range x.namespaces {
		clear(ns.byName)
		x.forget(name)
	}
}

func (e *entry) indexName() string {
	if e.pushed {
		return e.Endpoint
	}
	return e.Labels["alertname"]
}

// visit calls do with every record that a query selects, whatever its state.
func (x *index) visit(q *triggers.AlertQuery, do func(*entry)) {
	ns := x.namespaces[q.Namespace]
	if ns == nil {
		return
	}
	filter := func(some entrySet) {
		for e := range some {
			if selects(q, &e.record) {
				do(e)
			}
		}
	}
	name, named := q.Equal["alertname"]
	if isTriggerQuery(q) {
		name, named = endpointOf(q), true
	}
	if named {
		filter(ns.byName[name])
		return
	}
	for _, some := range ns.byName {
		filter(some)
	}
}

// addWatcher adds a watcher, under the one of its required labels that fewest other watchers are under.
func (x *index) addWatcher(w *watcher) {
	ns := x.namespace(w.query.Namespace)
	switch {
	case isTriggerQuery(&w.query):
		insert(ns.byEndpoint, endpointOf(&w.query), w)
	case len(w.query.Equal) == 0:
		ns.others[w] = struct{}{}
	default:
		w.label = ns.rarestLabel(w.query.Equal)
		insert(ns.byLabel, w.label, w)
	}
}

// removeWatcher removes a watcher.
func (x *index) removeWatcher(w *watcher) {
	ns := x.namespace(w.query.Namespace)
	switch {
	case isTriggerQuery(&w.query):
		discard(ns.byEndpoint, endpointOf(&w.query), w)
	case len(w.query.Equal) == 0:
		delete(ns.others, w)
	default:
		discard(ns.byLabel, w.label, w)
	}
	x.forget(w.query.Namespace)
}

func (ns *namespaceIndex) rarestLabel(equal map[string]string) [2]string {
	names := slices.Sorted(maps.Keys(equal))
	label := func(name string) [2]string { return [2]string{name, equal[name]} }
	name := slices.MinFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(ns.byLabel[label(a)]), len(ns.byLabel[label(b)])), cmp.Compare(commonness(a), commonness(b)))
	})
	return label(name)
}

// commonness guesses how many alerts have the same value of a label.
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

// watchersOf returns the watchers that select a record.
func (x *index) watchersOf(r *record) []*watcher {
	ns := x.namespaces[r.namespace]
	if ns == nil {
		return nil
	}
	var found []*watcher
	filter := func(some watcherSet) {
		for w := range some {
			if selects(&w.query, r) {
				found = append(found, w)
			}
		}
	}
	if r.pushed {
		filter(ns.byEndpoint[r.Endpoint])
		return found
	}
	filter(ns.others)
	for name, value := range r.Labels {
		filter(ns.byLabel[[2]string{name, value}])
	}
	return found
}

// hasAlertWatchers reports whether any watcher selects alerts of a namespace, whether or not they are recorded.
func (x *index) hasAlertWatchers(namespace string) bool {
	ns := x.namespaces[namespace]
	return ns != nil && len(ns.others)+len(ns.byLabel) > 0
}

// eachWatcher calls do with every watcher.
func (x *index) eachWatcher(do func(*watcher)) {
	for _, ns := range x.namespaces {
		for w := range ns.others {
			do(w)
		}
		for _, some := range ns.byLabel {
			for w := range some {
				do(w)
			}
		}
		for _, some := range ns.byEndpoint {
			for w := range some {
				do(w)
			}
		}
	}
}

// isTriggerQuery reports whether a query selects the levels of a trigger endpoint.
func isTriggerQuery(q *triggers.AlertQuery) bool { return q.Object != "" }

// endpointOf returns the name of the endpoint whose levels a query selects.
func endpointOf(q *triggers.AlertQuery) string {
	return Endpoint{Namespace: q.Namespace, Object: q.Object, Trigger: q.Trigger}.String()
}

// selects reports whether a query of a record's namespace selects the record.
func selects(q *triggers.AlertQuery, r *record) bool {
	if isTriggerQuery(q) {
		return r.Endpoint == endpointOf(q) && (q.Match == nil || q.Match(r.Labels))
	}
	return !r.pushed && q.Match(r.Labels)
}

// insert adds an element to the set under a key.
func insert[K, E comparable, S ~map[E]struct{}](sets map[K]S, k K, e E) {
	if sets[k] == nil {
		sets[k] = S{}
	}
	sets[k][e] = struct{}{}
}

// discard removes an element from the set under a key, and an empty set.
func discard[K, E comparable, S ~map[E]struct{}](sets map[K]S, k K, e E) {
	if delete(sets[k], e); len(sets[k]) == 0 {
		delete(sets, k)
	}
}
