package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers"
)

// senders sends random deliveries from two namespaces, to a store in which an object selects some of the alerts.
type senders struct {
	t     *testing.T
	r     *rand.Rand
	store *Store
	// accepted are the selected alerts that were accepted and have not resolved since.
	accepted map[key]struct{}
}

// In random sequences of deliveries, more than there is space for, every record is counted, no limit is exceeded, and every selected
// alert that was accepted is stored, also after a crash.
func testInRandomRunsEveryRecordIsAccountedForAndSelectedOnesAreKept(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			m := &memory{}
			w := &senders{t: t, r: rand.New(rand.NewPCG(seed, 2)), store: runSettled(t, m), accepted: map[key]struct{}{}}
			defer w.store.Follow(someAlerts("shop"), func(triggers.Cause, []triggers.Alert, error) {})()
			for step := range 40 {
				if w.step(); step%8 == 7 {
					w.check(fmt.Sprint("seed ", seed, ", step ", step))
				}
				w.checkAccepted(w.store, fmt.Sprint("seed ", seed, ", step ", step))
			}
			w.checkAccepted(run(t, m.copy()), fmt.Sprint("seed ", seed, ", after a crash"))
		})
	}
}

// someAlerts returns a query for a tenth of the alerts of a namespace.
func someAlerts(namespace string) triggers.AlertQuery {
	return triggers.AlertQuery{Namespace: namespace, Text: "some", Match: func(labels map[string]string) bool { return labels["alertname"][0] == '0' }}
}

// step makes one delivery, and lets some time pass.
func (w *senders) step() {
	d := Delivery{Endpoint: Endpoint{Namespace: []string{"shop", "bank"}[w.r.IntN(2)], Credential: []string{"a", "b", "c"}[w.r.IntN(3)]}, At: time.Now()}
	first, ends := w.r.IntN(20_000), w.r.IntN(4) == 0
	for i := range 1 + w.r.IntN(2500) {
		n := (first + i) % 20_000
		a := firing(fmt.Sprint(n%10, "-", n), time.Now())
		if ends {
			a = resolved(a.Labels["alertname"], time.Now(), time.Now())
		} else if w.r.IntN(4) == 0 {
			a.Annotations = map[string]string{"text": strconv.Itoa(w.r.IntN(1000))}
		}
		d.Alerts = append(d.Alerts, a)
	}
	_, err := w.store.Record(w.t.Context(), d)
	if err != nil && !errors.Is(err, ErrFull) {
		w.t.Fatal(err)
	}
	for _, a := range d.Alerts {
		k := key{d.Endpoint.String(), fingerprint(a.Labels)}
		switch {
		case ends:
			delete(w.accepted, k)
		case err == nil && d.Endpoint.Namespace == "shop" && a.Labels["alertname"][0] == '0':
			w.accepted[k] = struct{}{}
		}
	}
	<-time.After(time.Duration(w.r.IntN(600)) * time.Second)
	synctest.Wait()
}

// checkAccepted fails the test unless a store has every accepted alert.
func (w *senders) checkAccepted(s *Store, name string) {
	w.t.Helper()
	for k := range w.accepted {
		if r := s.index.records[k]; r == nil || !r.Firing {
			w.t.Fatalf("%s: the accepted alert %v is not firing in the store, want it stored", name, k)
		}
	}
}

// check counts all records, and compares the result with the accounts and the shards.
func (w *senders) check(name string) {
	w.t.Helper()
	s := w.store
	counted := map[*account]*account{}
	bytes := map[*shard]int{}
	for k, r := range s.index.records {
		if _, in := r.shard.entries[r]; !in || r.key() != k || r.shard.tenant != s.writer.tenants[r.namespace] {
			w.t.Fatalf("%s: %v is not in its shard, or in a shard of another namespace; want a shard of %s", name, k, r.namespace)
		}
		bytes[r.shard] += r.size()
		for _, a := range s.accounts.of(r.Endpoint) {
			if counted[a] == nil {
				counted[a] = &account{limits: a.limits, name: a.name}
			}
			counted[a].add(&entry{charge: charge{class: r.class(), rank: rankOf(r.class(), s.selectorsKnown && len(r.selections) == 0), size: r.size()}})
		}
	}
	for a, c := range counted {
		if tally(a) != tally(c) {
			w.t.Fatalf("%s: the account of %s counts %s, want %s", name, a.owner(), tally(a), tally(c))
		}
		if err := a.exceeded(); err != "" {
			w.t.Fatalf("%s: %s", name, err)
		}
	}
	for _, h := range s.writer.shards {
		if h.bytes != bytes[h] || h.saved != h.changes {
			w.t.Fatalf("%s: shard %d has %d bytes, want %d; %d of %d changes are durable, want all", name, h.number, h.bytes, bytes[h], h.saved, h.changes)
		}
	}
}

// tally describes all counts of an account.
func tally(a *account) string {
	evictable := [kept]int{}
	for k := range a.evictable {
		evictable[k] = a.evictable[k].Len()
	}
	return fmt.Sprint(a.count, a.bytes, evictable, a.evictableBytes)
}

// exceeded describes the limit that an account exceeds; "" for none.
func (a *account) exceeded() string {
	for class, n := range a.count {
		if class != int(uncounted) && n > a.limits.count[class] || a.bytes > a.limits.bytes {
			return fmt.Sprintf("%s has %d of class %d, and %d bytes", a.owner(), n, class, a.bytes)
		}
	}
	return ""
}

func TestAccounts(t *testing.T) {
	all := newAccounts()
	entryIn := func(endpoint, name string) *entry {
		return newEntry(v1alpha1.AlertRecord{Endpoint: endpoint, Fingerprint: name, Firing: true})
	}
	first, second, selected := entryIn("shop/test", "1"), entryIn("shop/test", "2"), entryIn("shop/other", "3")
	all.add(first, firingUnselected)
	all.add(second, firingUnselected)
	all.add(selected, kept)
	t.Run("a record is counted for its endpoint, its namespace and all", func(t *testing.T) {
		for i, want := range []int{2, 3, 3} {
			if got := all.of("shop/test")[i].count[isFiring]; got != want {
				t.Errorf("account %d counts %d firing alerts, want %d", i, got, want)
			}
		}
	})
	t.Run("the record that was delivered longest ago is the first to be evicted", func(t *testing.T) {
		if got := all.oldest(&all.all, firingUnselected); got != first {
			t.Errorf("the oldest is %q, want %q", got.Fingerprint, first.Fingerprint)
		}
		first.charge.refresh()
		if got := all.oldest(&all.all, firingUnselected); got != second {
			t.Errorf("after a delivery of the first the oldest is %q, want %q", got.Fingerprint, second.Fingerprint)
		}
	})
	t.Run("a demand fits if it fits after everything evictable is evicted", func(t *testing.T) {
		testDemand(t, &all)
	})
	t.Run("empty accounts are forgotten", func(t *testing.T) {
		for _, e := range []*entry{first, second, selected} {
			all.remove(e)
			all.forget(e.Endpoint)
		}
		if len(all.endpoints)+len(all.namespaces) != 0 || all.all.bytes != 0 {
			t.Errorf("%d endpoints, %d namespaces and %d bytes are left, want 0", len(all.endpoints), len(all.namespaces), all.all.bytes)
		}
	})
	t.Run("in random runs every record is accounted for and selected ones are kept", testInRandomRunsEveryRecordIsAccountedForAndSelectedOnesAreKept)
}

func testDemand(t *testing.T, all *accounts) {
	t.Helper()
	d := demand{count: [isResolved + 1]int{isFiring: MaxFiring / 2}}
	own, ns := all.of("shop/test")[0], all.of("shop/test")[1]
	if err := own.canFit(&d); err == nil {
		t.Error("half of all alerts fit for one credential, want an error")
	}
	if err := ns.canFit(&d); err == nil {
		t.Error("half of all alerts fit in the namespace beside one that is needed, want an error")
	}
	d.count[isFiring]--
	if err := ns.canFit(&d); err != nil || !ns.exceedsCount(&d) {
		t.Errorf("one less: %v, exceeds %t; want nil, true", err, ns.exceedsCount(&d))
	}
}
