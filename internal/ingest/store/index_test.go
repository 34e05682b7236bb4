package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// objects watch with a query each, and count how often they are asked and told.
func objects(t *testing.T, s *Store, queries []triggers.AlertQuery) (asked, told *atomic.Int64) {
	t.Helper()
	asked, told = &atomic.Int64{}, &atomic.Int64{}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	t.Cleanup(func() { cancel(); all.Wait() })
	for _, q := range queries {
		match := q.Match
		q.Match = func(labels map[string]string) bool {
			asked.Add(1)
			return match(labels)
		}
		all.Go(func() { _ = s.Watch(ctx, q, func(time.Time, []triggers.Alert, error) { told.Add(1) }) })
	}
	synctest.Wait()
	asked.Store(0)
	told.Store(0)
	return asked, told
}

func TestAnAlertAsksNoObjectThatWantsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		queries := make([]triggers.AlertQuery, 10_000)
		for i := range queries {
			queries[i] = about(fmt.Sprint("a", i))
			// What all have in common is no help.
			queries[i].Equal["severity"] = "page"
		}
		asked, told := objects(t, s, queries)
		for _, name := range []string{"a7", "a9999", "nobody's"} {
			a := firing(name, time.Now())
			a.Labels["severity"] = "page"
			send(t, s, a)
		}
		if asked.Load() != 2 || told.Load() != 2 {
			t.Errorf("of three alerts %d objects were asked and %d told, expected 2", asked.Load(), told.Load())
		}
	})
}

func TestAnAlertThatTenThousandObjectsSelectIsOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		queries := make([]triggers.AlertQuery, 10_000)
		for i := range queries {
			queries[i] = about("everybody's")
		}
		_, told := objects(t, s, queries)
		began := time.Now()
		for range 3 {
			send(t, s, firing("everybody's", began))
		}
		if m.writes() != 1 || told.Load() != 10_000 {
			t.Errorf("%d writes, and %d objects were told", m.writes(), told.Load())
		}
	})
}
