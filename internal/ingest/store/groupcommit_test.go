package store

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// testWriter is a writer without a store.
type testWriter struct {
	*writer

	t  *testing.T
	mu sync.Mutex
}

// startWriter runs a writer until the test ends.
func startWriter(t *testing.T, p Persister, merge func(context.Context, *shard) error) *testWriter {
	t.Helper()
	w := &testWriter{t: t}
	w.writer = newWriter(&w.mu, p, time.Now, merge)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return w
}

// change adds or changes a record, and returns what to wait for.
func (w *testWriter) change(namespace string, n int) []waiter {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	e := newEntry(v1alpha1.AlertRecord{Endpoint: namespace + "/test", Fingerprint: strconv.Itoa(n)})
	e.shard = w.shardFor(namespace, e.size())
	e.shard.entries[e] = struct{}{}
	e.shard.bytes += e.size()
	w.changed(e)
	changes := changeSet{}
	changes.add(e)
	return w.waitFor(changes)
}

// notified reports whether all waiters have been notified, and with which error.
func notified(all []waiter) (bool, error) {
	synctest.Wait()
	var errs []error
	for _, w := range all {
		select {
		case err := <-w.done:
			errs = append(errs, err)
		default:
			return false, nil
		}
	}
	return true, errors.Join(errs...)
}

// finishWrite ends the write in flight.
func finishWrite(t *testing.T, m *memory) {
	t.Helper()
	select {
	case m.hold <- struct{}{}:
	case <-time.After(time.Minute):
		t.Fatal("no write is in flight within a minute, want one")
	}
}

func TestWriter(t *testing.T) {
	t.Run("changes during a write share the next write, and are durable only then", testChangesDuringWriteShareNextWrite)
	t.Run("a failed write notifies its waiters, and is retried until it succeeds", testFailedWriteNotifiesItsWaitersAndIsRetried)
	t.Run("the delay of a retry grows to its limit", testDelayOfRetryGrowsToItsLimit)
	t.Run("content that another process wrote is merged before the next write", testForeignContentIsMergedBeforeNextWrite)
	t.Run("a shard has records of one namespace, and an empty one is used again", testShardHasRecordsOfOneNamespace)
}

func testChangesDuringWriteShareNextWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{hold: make(chan struct{})}
		defer close(m.hold)
		w := startWriter(t, m, nil)
		first := w.change("shop", 0)
		synctest.Wait() // Its write has begun.
		second, third := w.change("shop", 1), w.change("shop", 2)
		finishWrite(t, m)
		if done, err := notified(first); !done || err != nil {
			t.Errorf("after the first write its waiter is notified: %t, %v; want true, nil", done, err)
		}
		if done, _ := notified(second); done {
			t.Error("after the first write the waiter of a later change is notified, want it to wait")
		}
		finishWrite(t, m)
		for i, waiters := range [][]waiter{second, third} {
			if done, err := notified(waiters); !done || err != nil {
				t.Errorf("after the second write waiter %d is notified: %t, %v; want true, nil", i+1, done, err)
			}
		}
		if got := m.writes(); got != 2 {
			t.Errorf("%d writes of three changes, want 2", got)
		}
	})
}

func testFailedWriteNotifiesItsWaitersAndIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, down := &memory{}, errors.New("the API server is down")
		m.fail(down)
		w := startWriter(t, m, nil)
		if done, err := notified(w.change("shop", 0)); !done || !errors.Is(err, down) {
			t.Errorf("the waiter is notified: %t, %v; want true, %v", done, err, down)
		}
		m.fail(nil)
		<-time.After(saveRetry)
		synctest.Wait()
		if got := m.copy().shards; len(got) != 1 {
			t.Errorf("after %s %d shards are stored, want 1", saveRetry, len(got))
		}
	})
}

func testDelayOfRetryGrowsToItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		m.fail(errors.New("the API server is down"))
		w := startWriter(t, m, nil)
		w.change("shop", 0)
		<-time.After(10 * time.Minute)
		before := m.writes()
		<-time.After(10 * time.Minute)
		if got, want := m.writes()-before, int(10*time.Minute/longestRetry); got != want {
			t.Errorf("%d retries in 10 minutes, want %d", got, want)
		}
	})
}

func testForeignContentIsMergedBeforeNextWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, merged := &memory{}, 0
		m.fail(ErrConflict)
		w := startWriter(t, m, func(context.Context, *shard) error {
			merged++
			m.fail(nil)
			return nil
		})
		if done, err := notified(w.change("shop", 0)); !done || !errors.Is(err, ErrConflict) || merged != 1 {
			t.Errorf("the waiter is notified: %t, %v, after %d merges; want true, %v, 1", done, err, merged, ErrConflict)
		}
		<-time.After(time.Second)
		if got := m.copy().shards; len(got) != 1 {
			t.Errorf("after the merge %d shards are stored, want 1", len(got))
		}
	})
}

func testShardHasRecordsOfOneNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startWriter(t, &memory{}, nil)
		w.change("shop", 0)
		w.change("bank", 0)
		synctest.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.shards) != 2 || w.shards[0].tenant.namespace != "shop" || w.shards[1].tenant.namespace != "bank" {
			t.Fatalf("%d shards of %q and %q, want one of shop and one of bank", len(w.shards), w.shards[0].tenant.namespace, w.shards[1].tenant.namespace)
		}
		clear(w.shards[0].entries)
		w.release(w.shards[0])
		if h := w.shardFor("third", 1); h.number != 0 || len(w.tenants) != 2 {
			t.Errorf("a third namespace has shard %d, and there are %d namespaces; want shard 0 and 2", h.number, len(w.tenants))
		}
	})
}
