package alerts

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// senders are random senders of two namespaces, and objects that select some of what they send.
type senders struct {
	t     *testing.T
	r     *rand.Rand
	store *Store
	// accepted are the selected alerts that were accepted and have not resolved since.
	accepted map[key]struct{}
}

// In random worlds, of tenants that send more than there is room for, of objects that come and go and of restarts, everything is
// counted where it is, nothing exceeds its bounds, and what was accepted while it was selected is kept, through a crash as well.
func TestInRandomWorldsEverythingIsCountedAndWhatIsSelectedIsKept(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			m := &memory{}
			w := &senders{t: t, r: rand.New(rand.NewPCG(seed, 2)), store: joined(t, m), accepted: map[key]struct{}{}}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() { _ = w.store.Watch(ctx, some("shop"), func(time.Time, []triggers.Alert, error) {}) }()
			for step := range 40 {
				if w.step(); step%8 == 7 {
					w.check(fmt.Sprint("seed ", seed, ", step ", step))
				}
			}
			restarted := run(t, m.copied())
			for k := range w.accepted {
				if r := restarted.alerts[k]; r == nil || !r.Firing {
					t.Fatalf("seed %d: after a crash %v is lost", seed, k)
				}
			}
		})
	}
}

// some selects a tenth of the alerts of a namespace.
func some(namespace string) triggers.AlertQuery {
	return triggers.AlertQuery{Namespace: namespace, Text: "some", Match: func(labels map[string]string) bool { return labels["alertname"][0] == '0' }}
}

// step is one delivery, or one object that comes or goes, and some time.
func (w *senders) step() {
	d := Delivery{Door: Door{Namespace: []string{"shop", "bank"}[w.r.IntN(2)], Credential: []string{"a", "b", "c"}[w.r.IntN(3)]}, At: time.Now()}
	first, ends := w.r.IntN(20_000), w.r.IntN(4) == 0
	for i := range 1 + w.r.IntN(2500) {
		n := (first + i) % 20_000
		a := firing(fmt.Sprint(n%10, "-", n), time.Now())
		if ends {
			a = resolved(a.Labels["alertname"], time.Now(), time.Now())
		} else if w.r.IntN(4) == 0 {
			a.Annotations = map[string]string{"text": fmt.Sprint(w.r.IntN(1000))}
		}
		d.Alerts = append(d.Alerts, a)
	}
	_, err := w.store.Record(w.t.Context(), d)
	if err != nil && !errors.Is(err, ErrFull) {
		w.t.Fatal(err)
	}
	for _, a := range d.Alerts {
		k := key{d.Door.String(), fingerprint(a.Labels)}
		switch {
		case ends:
			delete(w.accepted, k)
		case err == nil && d.Door.Namespace == "shop" && a.Labels["alertname"][0] == '0':
			w.accepted[k] = struct{}{}
		}
	}
	<-time.After(time.Duration(w.r.IntN(600)) * time.Second)
	synctest.Wait()
}

// check counts anew.
func (w *senders) check(name string) {
	w.t.Helper()
	s := w.store
	counted := map[*account]*account{}
	bytes := map[*shard]int{}
	for k, r := range s.alerts {
		if _, in := r.shard.facts[r]; !in || r.key() != k || r.shard.owner != s.tenants[r.namespace] {
			w.t.Fatalf("%s: %v is in a shard of another", name, k)
		}
		bytes[r.shard] += r.size()
		for _, a := range s.accounts(r.Door) {
			if counted[a] == nil {
				counted[a] = &account{}
			}
			counted[a].add(r, &booking{class: r.class(), rank: s.rankOf(r), size: r.size()})
		}
	}
	for a, c := range counted {
		if a.count != c.count || a.bytes != c.bytes || a.looseBytes != c.looseBytes {
			w.t.Fatalf("%s: %s is said to have %v, %d and %d bytes, and has %v, %d and %d", name, a.whose(), a.count, a.bytes, a.looseBytes, c.count, c.bytes, c.looseBytes)
		}
		for k := range a.loose {
			if a.loose[k].Len() != c.loose[k].Len() {
				w.t.Fatalf("%s: %s has %d of rank %d that may be dropped, expected %d", name, a.whose(), a.loose[k].Len(), k, c.loose[k].Len())
			}
		}
		for class, n := range a.count {
			if class > 0 && n > a.bound.most[class] || a.bytes > a.bound.bytes {
				w.t.Fatalf("%s: %s has %d of class %d, and %d bytes", name, a.whose(), n, class, a.bytes)
			}
		}
	}
	for k := range w.accepted {
		if s.alerts[k] == nil {
			w.t.Fatalf("%s: %v was accepted, and is not kept", name, k)
		}
	}
	for _, h := range s.shards {
		if h.bytes != bytes[h] || h.saved != h.dirty {
			w.t.Fatalf("%s: shard %d is said to have %d bytes, and has %d; %d of %d changes are written", name, h.number, h.bytes, bytes[h], h.saved, h.dirty)
		}
	}
}
