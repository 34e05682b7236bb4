package store

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

func deliver(b *testing.B, s *Store, a Alert) {
	b.Helper()
	if _, err := s.Record(b.Context(), Delivery{Endpoint: shop, Alerts: []Alert{a}, At: time.Now()}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRecord delivers an alert that one object selects, with a new activation each time. The number of other objects must not matter.
func BenchmarkRecord(b *testing.B) {
	for _, others := range []int{10, 10_000} {
		b.Run(fmt.Sprint(others, " others"), func(b *testing.B) {
			s := storeWithWatchers(b, others)
			began := time.Now()
			for n := 0; b.Loop(); n++ {
				deliver(b, s, firing("mine", began.Add(time.Duration(n)*time.Microsecond)))
			}
		})
	}
}

// BenchmarkRepeat delivers the same alert again, which one object selects, or all.
func BenchmarkRepeat(b *testing.B) {
	for _, name := range []string{"mine", "everybody's"} {
		b.Run(name, func(b *testing.B) {
			s := storeWithWatchers(b, 10_000)
			a := firing(name, time.Now())
			for b.Loop() {
				deliver(b, s, a)
			}
		})
	}
}

// storeWithWatchers starts a store with one watcher of "mine" and, for each other object, two watchers: one of its own alert and
// one of "everybody's".
func storeWithWatchers(b *testing.B, others int) *Store {
	b.Helper()
	s := New(&memory{}, time.Now)
	ctx, cancel := context.WithCancel(b.Context())
	var all sync.WaitGroup
	b.Cleanup(func() { cancel(); all.Wait() })
	all.Go(func() { _ = s.Run(ctx) })
	for s.Ready() != nil {
		runtime.Gosched()
	}
	var joined sync.WaitGroup
	join := func(name string) {
		joined.Add(1)
		first := sync.OnceFunc(joined.Done)
		b.Cleanup(s.Follow(queryFor(name), func(triggers.Cause, []triggers.Alert, error) { first() }))
	}
	for i := range others {
		join(fmt.Sprint("a", i))
		join("everybody's")
	}
	join("mine")
	joined.Wait()
	return s
}
