package writes

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func TestGate(t *testing.T) {
	t.Run("under answers 429, counts do not wait, and every other write happens in the end", testNothingIsLostUnder429)
	t.Run("writes of a class begin in the order of their arrival", testWritesBeginInOrder)
	t.Run("a write whose context is done waits no longer", testWriteWhoseContextIsDoneWaitsNoLonger)
}

func testNothingIsLostUnder429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &busyServer{gate: New(), busyUntil: time.Now().Add(20 * time.Second)}
		var all sync.WaitGroup
		for _, c := range waits {
			for range 100 {
				all.Go(func() { s.retry(t.Context(), c) })
			}
		}
		for range 1000 {
			began := time.Now()
			s.write(t.Context(), Counts)
			if took := time.Since(began); took != 5*time.Millisecond {
				t.Fatalf("a count took %s, want 5ms", took)
			}
			<-time.After(10 * time.Millisecond)
		}
		all.Wait()
		if took := time.Since(s.busyUntil); took > time.Minute {
			t.Errorf("the last write ended %s after the last answer 429", took)
		}
	})
}

// busyServer answers 429 to everything but counts for a time. Each answer takes 5 ms.
type busyServer struct {
	gate      *Gate
	busyUntil time.Time
}

// write sends one write, and reports whether it succeeded.
func (s *busyServer) write(ctx context.Context, c Class) bool {
	end := s.gate.Begin(ctx, c)
	<-time.After(5 * time.Millisecond)
	var err error
	if c != Counts && time.Now().Before(s.busyUntil) {
		err = apierrors.NewTooManyRequests("busy", 1)
	}
	end(err)
	return err == nil
}

// retry writes until that succeeds.
func (s *busyServer) retry(ctx context.Context, c Class) {
	for !s.write(ctx, c) {
		continue
	}
}

func testWritesBeginInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		g.limits.state[Statuses].limit = 0
		g.limits.changed = time.Now().Add(time.Hour)
		var mu sync.Mutex
		var order []int
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				end := g.Begin(t.Context(), Statuses)
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				end(nil)
			})
			synctest.Wait()
		}
		all.Wait()
		if len(order) != 10 || !slices.IsSorted(order) {
			t.Errorf("got the order %v", order)
		}
	})
}

func testWriteWhoseContextIsDoneWaitsNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		g.Begin(t.Context(), Records)
		g.Begin(t.Context(), Statuses)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		g.Begin(ctx, Statuses)(nil)
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("it waited %s, want 1s", waited)
		}
		if n := len(g.waiting[Statuses]); n != 0 {
			t.Errorf("%d writes wait, want none", n)
		}
	})
}
