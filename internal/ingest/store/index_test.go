package store

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers"
)

// watchAll starts a watcher for each query, and counts the calls of their Match and the notifications.
func watchAll(t *testing.T, s *Store, queries []triggers.AlertQuery) (matched, notified *atomic.Int64) {
	t.Helper()
	matched, notified = &atomic.Int64{}, &atomic.Int64{}
	for _, q := range queries {
		match := q.Match
		q.Match = func(labels map[string]string) bool {
			matched.Add(1)
			return match(labels)
		}
		t.Cleanup(s.Follow(q, func(triggers.Cause, []triggers.Alert, error) { notified.Add(1) }))
	}
	synctest.Wait()
	matched.Store(0)
	notified.Store(0)
	return matched, notified
}

func testAlertIsMatchedOnlyAgainstObjectsThatMaySelectIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		queries := make([]triggers.AlertQuery, 10_000)
		for i := range queries {
			queries[i] = queryFor(fmt.Sprint("a", i))
			// A label with the same value in all queries does not narrow the search.
			queries[i].Equal["severity"] = "page"
		}
		matched, notified := watchAll(t, s, queries)
		for _, name := range []string{"a7", "a9999", "nobody's"} {
			a := firing(name, time.Now())
			a.Labels["severity"] = "page"
			send(t, s, a)
		}
		if matched.Load() != 2 || notified.Load() != 2 {
			t.Errorf("three alerts were matched %d times and notified %d objects, want 2", matched.Load(), notified.Load())
		}
	})
}

func testAlertThatTenThousandObjectsSelectIsOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		queries := make([]triggers.AlertQuery, 10_000)
		for i := range queries {
			queries[i] = queryFor("everybody's")
		}
		_, notified := watchAll(t, s, queries)
		began := time.Now()
		for range 3 {
			send(t, s, firing("everybody's", began))
		}
		if m.writes() != 1 || notified.Load() != 10_000 {
			t.Errorf("%d writes, and %d notifications of 10000 objects; want 1 and 10000", m.writes(), notified.Load())
		}
	})
}

func TestIndex(t *testing.T) {
	t.Run("a watcher is found for a record exactly if its query selects the record", func(t *testing.T) {
		for seed := range uint64(15) {
			randomIndex(t, rand.New(rand.NewPCG(seed, 5)))
		}
	})
	t.Run("a record is found by its newest group only", func(t *testing.T) {
		x, e := newIndex(), newEntry(v1alpha1.AlertRecord{Endpoint: "shop/test", Group: "one"})
		x.add(e)
		e.Group = "two"
		x.regroup(e)
		one, two := x.groups[group{"shop/test", "one"}], x.groups[group{"shop/test", "two"}]
		if _, ok := two[e]; !ok || one != nil {
			t.Errorf("the groups are %v and %v, want none and the record", one, two)
		}
		x.remove(e)
		if len(x.groups)+len(x.records)+len(x.namespaces) != 0 {
			t.Errorf("after remove there are %d groups, %d records and %d namespaces, want 0", len(x.groups), len(x.records), len(x.namespaces))
		}
	})
	t.Run("an alert is matched only against objects that may select it", testAlertIsMatchedOnlyAgainstObjectsThatMaySelectIt)
	t.Run("an alert that ten thousand objects select is one write", testAlertThatTenThousandObjectsSelectIsOneWrite)
}

// indexed is an index, with the records and watchers that are in it.
type indexed struct {
	r        *rand.Rand
	index    index
	entries  map[*entry]bool
	watchers map[*watcher]bool
}

// randomIndex adds and removes records and watchers, and compares the index with a scan of all of them.
func randomIndex(t *testing.T, r *rand.Rand) {
	t.Helper()
	x := &indexed{r: r, index: newIndex(), entries: map[*entry]bool{}, watchers: map[*watcher]bool{}}
	for step := range 200 {
		switch r.IntN(4) {
		case 0, 1:
			x.addEntry(step)
		case 2:
			x.addWatcher()
		default:
			x.removeSome()
		}
		compareIndex(t, &x.index, x.entries, x.watchers)
	}
	for len(x.entries)+len(x.watchers) > 0 {
		x.removeSome()
	}
	if len(x.index.namespaces)+len(x.index.records)+len(x.index.groups) != 0 {
		t.Fatalf("after everything is removed the index has %d namespaces, %d records and %d groups, want 0",
			len(x.index.namespaces), len(x.index.records), len(x.index.groups))
	}
}

func (x *indexed) oneOf(all ...string) string { return all[x.r.IntN(len(all))] }

func (x *indexed) addEntry(n int) {
	e := newEntry(v1alpha1.AlertRecord{
		Endpoint: x.oneOf("shop/a", "shop/b", "bank/a", "/a", "shop//web/queue", "shop//web/other"), Fingerprint: strconv.Itoa(n),
		Labels: map[string]string{"alertname": x.oneOf("x", "y", ""), "severity": x.oneOf("page", "info")}, Group: x.oneOf("", "g"),
	})
	x.index.add(e)
	x.entries[e] = true
}

func (x *indexed) addWatcher() {
	w := &watcher{query: triggers.AlertQuery{Namespace: x.oneOf("shop", "bank", ""), Equal: map[string]string{}}}
	if x.r.IntN(4) == 0 {
		w.query.Object, w.query.Trigger = "web", x.oneOf("queue", "other")
	}
	for _, label := range []string{"alertname", "severity"}[:x.r.IntN(3)] {
		w.query.Equal[label] = x.oneOf("x", "page")
	}
	w.query.Match = func(labels map[string]string) bool {
		for name, value := range w.query.Equal {
			if labels[name] != value {
				return false
			}
		}
		return true
	}
	x.index.addWatcher(w)
	x.watchers[w] = true
}

// removeSome removes a record, and a watcher in one of three cases.
func (x *indexed) removeSome() {
	for e := range x.entries {
		x.index.remove(e)
		delete(x.entries, e)
		break
	}
	for w := range x.watchers {
		if x.r.IntN(3) == 0 {
			x.index.removeWatcher(w)
			delete(x.watchers, w)
		}
		break
	}
}

func compareIndex(t *testing.T, x *index, entries map[*entry]bool, watchers map[*watcher]bool) {
	t.Helper()
	for w := range watchers {
		visited := map[*entry]int{}
		x.visit(&w.query, func(e *entry) { visited[e]++ })
		for e := range entries {
			want := 0
			if w.query.Namespace == e.namespace && selects(&w.query, &e.record) {
				want = 1
			}
			found := 0
			for _, other := range x.watchersOf(&e.record) {
				if other == w {
					found++
				}
			}
			if visited[e] != want || found != want {
				t.Fatalf("query %+v and record %s %v: visited %d times, found %d times, want %d", w.query.Equal, e.Endpoint, e.Labels, visited[e], found, want)
			}
		}
	}
}
