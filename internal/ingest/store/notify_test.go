package store

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

func TestPendingWatchers(t *testing.T) {
	t.Run("have each watcher once per change, with a new version and the time of its newest change", testPendingWatchersHaveEachWatcherOnce)
	t.Run("are called in the order of their versions, and with none twice, however many notify at once", testWatchersAreCalledInOrderOfVersions)
}

func testPendingWatchersHaveEachWatcherOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var p pendingWatchers
	all, versions, newest := [5]watcher{}, [5]int{}, [5]time.Time{}
	for change := range 1000 {
		want := map[*watcher]bool{}
		for range random.IntN(8) {
			i, at := random.IntN(len(all)), start.Add(time.Duration(random.IntN(1000))*time.Second)
			p.enqueue(&all[i], at)
			if !want[&all[i]] {
				versions[i]++
			}
			want[&all[i]] = true
			if at.After(newest[i]) {
				newest[i] = at
			}
		}
		if got := p.drain(); !eachOnce(got, want) {
			t.Fatalf("change %d: got %d pending watchers, want each of the %d that were enqueued once", change, len(got), len(want))
		}
		for i := range all {
			if w := &all[i]; w.version != versions[i] || !w.at.Equal(newest[i]) {
				t.Fatalf("change %d: watcher %d has version %d of %s, want %d of %s", change, i, w.version, w.at, versions[i], newest[i])
			}
		}
	}
}

// eachOnce reports whether got has each watcher of want once, and no other.
func eachOnce(got []*watcher, want map[*watcher]bool) bool {
	for _, w := range got {
		if !want[w] {
			return false
		}
		delete(want, w)
	}
	return len(want) == 0
}

func testWatchersAreCalledInOrderOfVersions(t *testing.T) {
	s := New(nil, time.Now)
	var calls []int
	w := &watcher{}
	w.changed = func(triggers.Cause, []triggers.Alert, error) { calls = append(calls, w.notified) } // Calls exclude each other.
	var changes sync.WaitGroup
	const goroutines, each = 8, 200
	for range goroutines {
		changes.Go(func() {
			for range each {
				s.mu.Lock()
				s.pending.enqueue(w, time.Now())
				pending := s.pending.drain()
				s.mu.Unlock()
				s.notify(pending)
			}
		})
	}
	changes.Wait()
	if last := w.notified; last != goroutines*each {
		t.Errorf("got version %d at the end, want %d", last, goroutines*each)
	}
	for i := 1; i < len(calls); i++ {
		if calls[i] <= calls[i-1] {
			t.Fatalf("call %d had version %d after %d, want a newer one: %s", i, calls[i], calls[i-1], fmt.Sprint(calls[max(i-3, 0):i+1]))
		}
	}
}
