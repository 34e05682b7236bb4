package triggers

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestConcurrency(t *testing.T) {
	t.Run("the number of concurrent readings is bounded", testNumberOfConcurrentReadingsIsBounded)
	t.Run("sources that hang do not delay the others", testSourcesThatHangDoNotDelayOthers)
	t.Run("ten thousand readers need no goroutine while idle", testTenThousandReadersNeedNoGoroutineWhileIdle)
	t.Run("nothing is emitted after Run has returned", testNothingIsEmittedAfterRunHasReturned)
}

func testNumberOfConcurrentReadingsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 4)
		l := &load{took: func(int64) time.Duration { return 100 * time.Millisecond }}
		for i := range 40 {
			b.run("q", strconv.Itoa(i), time.Minute, l)
		}
		advance(time.Second)
		if l.most != 4 || l.all != 40 {
			t.Errorf("%d readings at a time, %d in all; expected 4 and 40", l.most, l.all)
		}
	})
}

func testSourcesThatHangDoNotDelayOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 4)
		for i := range 40 {
			b.run("hangs", strconv.Itoa(i), 20*time.Second, readFunc(hang))
		}
		synctest.Wait()
		b.run("prompt", "prompt", 20*time.Second, readFunc(three))
		advance(5 * time.Minute)
		times := b.times("prompt")
		// The poller does not know yet which sources hang: forty are read before it, two per second after a fifth of their interval.
		if len(times) < 13 || times[0] > 25*time.Second {
			t.Fatalf("the source was read at %v", times)
		}
		for i := range times[2:] {
			if gap := times[i+2] - times[i+1]; gap > 20*time.Second {
				t.Errorf("a reading came after %s, want 20s, or less after a late one", gap)
			}
		}
	})
}

func testTenThousandReadersNeedNoGoroutineWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 64)
		const sources = 10_000
		var reads atomic.Int64
		for i := range sources {
			b.run(strconv.Itoa(i), strconv.Itoa(i), 5*time.Second, readFunc(func(context.Context) (scalers.Milli, error) {
				reads.Add(1)
				return 0, nil
			}))
		}
		synctest.Wait()
		if reads.Load() != sources {
			t.Errorf("%d of %d were read at once", reads.Load(), sources)
		}
		if n := runtime.NumGoroutine(); n > sources+50 {
			t.Errorf("%d goroutines for %d sources that wait", n, sources)
		}
		advance(12 * time.Second)
		if n := reads.Load(); n < 2*sources || n > 3*sources {
			t.Errorf("%d readings in 12 s, expected 2 or 3 for each of %d", n, sources)
		}
	})
}

// testNothingIsEmittedAfterRunHasReturned lets sources of few keys come and go on the real clock.
func testNothingIsEmittedAfterRunHasReturned(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	poller := NewPoller(3, 3)
	var polling, sources sync.WaitGroup
	polling.Go(func() { _ = poller.Run(ctx) })
	for i := range 16 {
		sources.Go(func() {
			for range 30 {
				churn(ctx, t, poller, strconv.Itoa(i%5))
			}
		})
	}
	sources.Wait()
	cancel()
	polling.Wait()
	if len(poller.groups) != 0 {
		t.Errorf("%d groups are left", len(poller.groups))
	}
}

func churn(ctx context.Context, t *testing.T, poller *Poller, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(5))*time.Millisecond)
	defer cancel()
	var returned atomic.Bool
	var last atomic.Int64
	source := Poll(keyOn(key), readFunc(three), Env{PollingInterval: time.Millisecond, Poller: poller, Now: time.Now})
	_ = source.Run(ctx, func(e scalers.Event) {
		if returned.Load() {
			t.Error("an event after Run has returned")
		}
		if last.Swap(int64(e.At)) > int64(e.At) {
			t.Error("an older reading came after a newer one")
		}
	})
	returned.Store(true)
}
