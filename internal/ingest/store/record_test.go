package store

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// epoch is the time of the tests that need no clock.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func second(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }

// recordAfter returns the record after deliveries that were received one second apart.
func recordAfter(endpoint string, deliveries ...Alert) (r record, changed bool) {
	for i := range deliveries {
		if i == 0 {
			r, changed = firstRecord(key{endpoint, deliveries[0].fingerprint()}, &deliveries[0], second(100)), true
			continue
		}
		changed = r.apply(&deliveries[i], second(100+i))
	}
	return r, changed
}

// phase returns the state of a record in the diagram of its type.
func phase(r *record) string {
	switch {
	case r.Firing:
		return "firing"
	case r.LateFiring != nil:
		return "late firing"
	default:
		return "resolved"
	}
}

func TestRecord(t *testing.T) {
	for name, c := range map[string]struct {
		deliveries []Alert
		want       string
		changed    bool
	}{
		"a firing fires":                                  {[]Alert{firing("a", second(0))}, "firing", true},
		"a repeat changes nothing":                        {[]Alert{firing("a", second(0)), firing("a", second(0))}, "firing", false},
		"a resolve resolves":                              {[]Alert{firing("a", second(0)), resolved("a", second(0), second(9))}, "resolved", true},
		"a resolve of an earlier activation is ignored":   {[]Alert{firing("a", second(10)), resolved("a", second(0), second(9))}, "firing", false},
		"a resolve without an end ends its activation":    {[]Alert{firing("a", second(0)), resolved("a", second(0), time.Time{})}, "resolved", true},
		"a repeated resolve changes nothing":              {[]Alert{resolved("a", second(0), second(9)), resolved("a", second(0), second(9))}, "resolved", false},
		"a firing after the resolve is late":              {[]Alert{resolved("a", second(0), second(9)), firing("a", second(0))}, "late firing", true},
		"a late firing is repeated":                       {[]Alert{resolved("a", second(0), second(9)), firing("a", second(0)), firing("a", second(0))}, "late firing", false},
		"a newer activation fires at once":                {[]Alert{resolved("a", second(0), second(9)), firing("a", second(10))}, "firing", true},
		"a newer activation fires after a late firing":    {[]Alert{resolved("a", second(0), second(9)), firing("a", second(0)), firing("a", second(10))}, "firing", true},
		"a resolve ends a late firing":                    {[]Alert{resolved("a", second(0), second(9)), firing("a", second(0)), resolved("a", second(0), second(9))}, "resolved", true},
		"an older resolve does not end a late firing":     {[]Alert{resolved("a", second(0), second(9)), firing("a", second(0)), resolved("a", second(0), second(8))}, "late firing", false},
		"a firing of an older start is the same":          {[]Alert{firing("a", second(10)), firing("a", second(0))}, "firing", false},
		"a firing with other annotations changes":         {[]Alert{firing("a", second(0)), withAnnotation(firing("a", second(0)), "x")}, "firing", true},
		"a resolve of an activation that was not seen is": {[]Alert{firing("a", second(0)), resolved("a", second(10), second(12))}, "resolved", true},
	} {
		t.Run(name, func(t *testing.T) {
			r, changed := recordAfter("shop/test", c.deliveries...)
			if got := phase(&r); got != c.want || changed != c.changed {
				t.Errorf("after %d deliveries: %s, changed %t; want %s, %t", len(c.deliveries), got, changed, c.want, c.changed)
			}
		})
	}
	t.Run("of two levels the newer by the sender's clock counts", func(t *testing.T) {
		r, changed := recordAfter("shop//web/queue", level("", "4", second(5), 0), level("", "7", second(4), 0))
		if got := *r.Level.MilliValue; got != 4000 || changed {
			t.Errorf("an older level: %d, changed %t; want 4000, false", got, changed)
		}
		r, changed = recordAfter("shop//web/queue", level("", "4", second(5), 0), level("", "7", second(5), 0))
		if got := *r.Level.MilliValue; got != 7000 || !changed {
			t.Errorf("a level of the same time: %d, changed %t; want 7000, true", got, changed)
		}
	})
	t.Run("a newer activation supersedes a later delivery", func(t *testing.T) {
		old, _ := recordAfter("shop/test", firing("a", second(0)), firing("a", second(0)))
		next, _ := recordAfter("shop/test", firing("a", second(1)))
		if !next.newerThan(&old) || old.newerThan(&next) {
			t.Errorf("newerThan: %t and %t, want true and false", next.newerThan(&old), old.newerThan(&next))
		}
	})
	t.Run("random deliveries keep the invariants", func(t *testing.T) {
		for seed := range uint64(200) {
			for _, endpoint := range []string{"shop/test", "shop//web/queue"} {
				randomDeliveries(t, endpoint, seed)
			}
		}
	})
}

func withAnnotation(a Alert, text string) Alert {
	a.Annotations = map[string]string{"text": text}
	return a
}

// randomDeliveries applies random deliveries in the order of their receipt, and checks the invariants of record after each.
func randomDeliveries(t *testing.T, endpoint string, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 4))
	_, pushed := namespaceOf(endpoint)
	deliver := func() Alert {
		starts := second(r.IntN(50))
		a := Alert{Firing: r.IntN(2) == 0, StartsAt: starts}
		if pushed {
			a.Level = NewLevel("", 1000)
		} else {
			a.Labels = map[string]string{"alertname": "a"}
		}
		if !a.Firing && r.IntN(3) > 0 {
			a.EndsAt = starts.Add(time.Duration(r.IntN(20)) * time.Second)
		}
		return a
	}
	first := deliver()
	rec := firstRecord(key{endpoint, first.fingerprint()}, &first, second(100))
	for i := range 30 {
		before := rec
		a, at := deliver(), second(101+i)
		rec.apply(&a, at)
		what := fmt.Sprintf("seed %d, delivery %d to %s", seed, i, endpoint)
		if rec.StartsAt.Before(&before.StartsAt) || rec.LastSeen.Before(&before.LastSeen) {
			t.Fatalf("%s: startsAt %s after %s, lastSeen %s after %s; want no decrease", what, rec.StartsAt, before.StartsAt, rec.LastSeen, before.LastSeen)
		}
		if ended := rec.EndsAt != nil && rec.ResolvedAt != nil; rec.Firing == ended || rec.Firing && rec.LateFiring != nil {
			t.Fatalf("%s: firing %t with endsAt %v, resolvedAt %v, lateFiring %v; want none of them exactly while it fires", what, rec.Firing, rec.EndsAt, rec.ResolvedAt, rec.LateFiring)
		}
		if pushed && rec.LateFiring != nil {
			t.Fatalf("%s: a level is a late firing, want firing or resolved", what)
		}
		again := record{AlertRecord: *rec.DeepCopy(), namespace: rec.namespace, pushed: rec.pushed}
		if again.apply(&a, at); !reflect.DeepEqual(again.AlertRecord, normalized(rec.AlertRecord)) {
			t.Fatalf("%s: after the same delivery again the record is %+v, want %+v", what, again.AlertRecord, rec.AlertRecord)
		}
	}
}

// normalized returns a deep copy, which can be compared with another deep copy.
func normalized(a v1alpha1.AlertRecord) v1alpha1.AlertRecord { return *a.DeepCopy() }
