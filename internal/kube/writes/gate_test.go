package writes

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestGate(t *testing.T) {
	t.Run("under answers 429, counts do not wait, and every other write happens in the end", testNothingIsLostUnder429)
	t.Run("writes of a class begin in the order of their arrival", testWritesBeginInOrder)
	t.Run("a write whose context is done waits no longer", testWriteWhoseContextIsDoneWaitsNoLonger)
	t.Run("nothing gives way to one namespace whose writes are not answered", testTimeoutsOfOneNamespaceShowNothing)
	t.Run("nothing gives way to several of them while later writes succeed", testTimeoutsShowNothingWhileLaterWritesSucceed)
	t.Run("nothing gives way to several of them while later writes are refused", testTimeoutsShowNothingWhileLaterWritesAreRefused)
	t.Run("nothing gives way to writes of two namespaces that are not answered at different times", testTimeoutsFarApartShowNothing)
	t.Run("every class gives way when neither of two namespaces is answered, or the namespace of Impulse is not", testTimeoutsOfSeveralNamespaces)
	t.Run("a write that is not answered does not delay the share of another namespace", testShareOfEachNamespace)
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
	end := s.gate.Begin(ctx, c, "shop")
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
				end := g.Begin(t.Context(), Statuses, "shop")
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
		g.Begin(t.Context(), Records, "shop")
		g.Begin(t.Context(), Statuses, "shop")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		g.Begin(ctx, Statuses, "shop")(nil)
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("it waited %s, want 1s", waited)
		}
		if n := len(g.waiting[Statuses]); n != 0 {
			t.Errorf("%d writes wait, want none", n)
		}
	})
}

// silence is a write that is not answered for a time, after which it is given up.
func (g *Gate) silence(t *testing.T, c Class, namespace string) (end func()) {
	t.Helper()
	ended := g.Begin(t.Context(), c, namespace)
	return func() { ended(context.DeadlineExceeded) }
}

// isWhole reports whether no class has given way.
func (g *Gate) isWhole() bool {
	for _, c := range waits {
		if g.limits.state[c].limit < bounds[c].most {
			return false
		}
	}
	return true
}

func testTimeoutsOfOneNamespaceShowNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		for _, c := range []Class{Counts, Statuses, Events} {
			for range 20 {
				end := g.silence(t, c, "shop")
				<-time.After(2 * time.Second)
				end()
			}
		}
		if !g.isWhole() {
			t.Error("writes have given way to those of one namespace, which are not answered")
		}
	})
}

func testTimeoutsShowNothingWhileLaterWritesSucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		for range 20 {
			shop, bank := g.silence(t, Statuses, "shop"), g.silence(t, Statuses, "bank")
			<-time.After(time.Second)
			end := g.Begin(t.Context(), Counts, "mail")
			<-time.After(time.Second)
			end(nil)
			shop()
			bank()
		}
		if !g.isWhole() {
			t.Error("writes have given way although a later one of another namespace succeeded each time")
		}
	})
}

func testTimeoutsShowNothingWhileLaterWritesAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		for range 20 {
			shop, bank := g.silence(t, Statuses, "shop"), g.silence(t, Statuses, "bank")
			<-time.After(time.Second)
			g.Begin(t.Context(), Counts, "mail")(apierrors.NewForbidden(schema.GroupResource{Resource: "deployments"}, "web", nil))
			<-time.After(time.Second)
			shop()
			bank()
		}
		if !g.isWhole() {
			t.Error("writes have given way although a later one of another namespace was answered each time")
		}
	})
}

func testTimeoutsFarApartShowNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		for i := range 20 {
			end := g.silence(t, Statuses, []string{"shop", "bank"}[i%2])
			<-time.After(silentTogether + time.Second)
			end()
		}
		if !g.isWhole() {
			t.Error("writes have given way to those of two namespaces that were not answered at different times")
		}
	})
}

func testTimeoutsOfSeveralNamespaces(t *testing.T) {
	for _, namespaces := range [][]string{{"shop", "bank"}, {""}} {
		synctest.Test(t, func(t *testing.T) {
			g := New()
			g.Begin(t.Context(), Counts, "mail")(nil) // It began before those that are not answered.
			for i := range 20 {
				end := g.silence(t, Counts, namespaces[i%len(namespaces)])
				<-time.After(time.Second)
				end()
			}
			for _, c := range waits {
				if limit := g.limits.state[c].limit; limit > 0 {
					t.Errorf("namespaces %q: the limit of %s is %d, want 0", namespaces, c, limit)
				}
			}
		})
	}
}

func testShareOfEachNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		count := g.silence(t, Counts, "shop")
		defer count()
		<-time.After(time.Second)
		for range 4 {
			go func() {
				end := g.silence(t, Statuses, "shop")
				<-time.After(2500 * time.Millisecond)
				end()
			}()
		}
		<-time.After(time.Second)
		if n := g.limits.state[Statuses].inFlight; n != 1 {
			t.Errorf("%d statuses of one namespace are in flight, want 1", n)
		}
		for _, namespace := range []string{"bank", "mail"} {
			began := time.Now()
			g.Begin(t.Context(), Statuses, namespace)
			if waited := time.Since(began); waited > bounds[Statuses].gap {
				t.Errorf("a status of %s has waited %s, want %s at most", namespace, waited, bounds[Statuses].gap)
			}
		}
		<-time.After(10 * time.Second)
	})
}
