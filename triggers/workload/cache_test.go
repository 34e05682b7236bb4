package workload

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestCache(t *testing.T) {
	t.Run("a cached count is used once per interval", testCachedCountIsUsedOncePerInterval)
	t.Run("with Value a count that did not change is emitted once per interval", testCountIsRepeatedWithValue)
	t.Run("the first count is used at once, also after an error", testFirstCountIsUsedAtOnceAlsoAfterError)
}

// emitted are the events of a source.
type emitted struct {
	mu     sync.Mutex
	events []scalers.Event
}

func (e *emitted) add(event scalers.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, event)
}

func (e *emitted) all() []scalers.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.events)
}

// runCached runs a trigger with useCachedMetrics, which the returned function ends, and collects its events.
func runCached(t *testing.T, c *counter, interval time.Duration) (events *emitted, stop func()) {
	t.Helper()
	return runIn(t, triggers.Env{PollingInterval: interval, Cached: true, CountPods: c.countPods})
}

// runIn runs a trigger, which the returned function ends, and collects its events.
func runIn(t *testing.T, env triggers.Env) (events *emitted, stop func()) {
	t.Helper()
	config, err := Kind().Decode(map[string]string{"podSelector": "a=1", "value": "2"})
	if err != nil {
		t.Fatal(err)
	}
	source, err := Kind().Open(config, env)
	if err != nil {
		t.Fatal(err)
	}
	events = &emitted{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- source.Run(ctx, events.add) }()
	synctest.Wait()
	return events, func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v, want %v", err, context.Canceled)
		}
	}
}

// expectLast checks how many events there are, and the last of them.
func expectLast(t *testing.T, when string, events *emitted, number int, value scalers.Milli, err error) {
	t.Helper()
	synctest.Wait()
	all := events.all()
	if len(all) != number {
		t.Fatalf("%s: got the events %+v, want %d", when, all, number)
	}
	if e := all[number-1]; e.Value != value || !errors.Is(e.Err, err) || e.At != scalers.InstantOf(time.Now()) {
		t.Errorf("%s: got the event %+v, want %s with error %v, as of %s", when, e, value, err, time.Now())
	}
}

func testCachedCountIsUsedOncePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{count: 8}
		events, stop := runCached(t, c, 1000*time.Second)
		defer stop()
		expectLast(t, "at the start", events, 1, 8000, nil)
		c.set(5, nil)
		c.set(4, nil)
		<-time.After(999 * time.Second)
		synctest.Wait()
		if all := events.all(); len(all) != 1 {
			t.Errorf("got the events %+v within the interval, want one", all)
		}
		<-time.After(time.Second)
		expectLast(t, "at the interval", events, 2, 4000, nil)
		<-time.After(1000 * time.Second)
		synctest.Wait()
		if all := events.all(); len(all) != 2 {
			t.Errorf("got the events %+v without a change, want two", all)
		}
		c.set(0, errAway)
		<-time.After(1000 * time.Second)
		expectLast(t, "after an error", events, 3, 0, errAway)
	})
}

func testFirstCountIsUsedAtOnceAlsoAfterError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{err: errAway}
		events, stop := runCached(t, c, time.Hour)
		defer stop()
		expectLast(t, "at the start", events, 1, 0, errAway)
		c.set(3, nil)
		expectLast(t, "with the first count", events, 2, 3000, nil)
	})
}

func testCountIsRepeatedWithValue(t *testing.T) {
	for _, cached := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := &counter{count: 8}
			events, stop := runIn(t, triggers.Env{PollingInterval: time.Minute, Cached: cached, Metric: scalers.Value, CountPods: c.countPods})
			defer stop()
			expectLast(t, "at first", events, 1, 8000, nil)
			<-time.After(time.Minute)
			expectLast(t, "after an interval", events, 2, 8000, nil)
			<-time.After(time.Minute)
			expectLast(t, "after two", events, 3, 8000, nil)
		})
	}
}
