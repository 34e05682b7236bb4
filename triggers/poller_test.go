package triggers

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestPoller(t *testing.T) {
	t.Run("a reader is read at once and then once per interval", testReaderIsReadAtOnceAndThenOncePerInterval)
	t.Run("readings of groups that began together are spread evenly over the interval", testReadingsAreSpreadEvenlyOverInterval)
	t.Run("the same reader is read once for all", testSameReaderIsReadOnceForAll)
	t.Run("a new subscriber gets the last reading at once", testNewSubscriberGetsLastReadingAtOnce)
	t.Run("a failed reading is unknown, and the next one may recover", testFailedReadingIsUnknownAndNextOneMayRecover)
	t.Run("a reading has a deadline", testReadingHasDeadline)
	t.Run("a source that ends cancels its reading", testSourceThatEndsCancelsItsReading)
	t.Run("a subscriber that leaves during a notification gets no more", testSubscriberThatLeavesDuringNotificationGetsNoMore)
	t.Run("the poller emits nothing when it stops", testPollerEmitsNothingWhenItStops)
	t.Run("without a poller a source returns an error", testWithoutPollerSourceReturnsError)
	t.Run("a change of the credentials leads to a reading at once, and not to many", testChangeOfCredentialsLeadsToReadingAtOnceAndNotToMany)
	t.Run("each subscriber evaluates a shared reading for itself", testEachSubscriberEvaluatesSharedReadingForItself)
}

// readFunc is a Reader as a function.
type readFunc func(ctx context.Context) (scalers.Milli, error)

// Read calls it.
func (f readFunc) Read(ctx context.Context) (scalers.Milli, error) { return f(ctx) }

// pollerEnv is a poller that runs, and what its sources emit.
type pollerEnv struct {
	t      *testing.T
	poller *Poller
	ctx    context.Context //nolint:containedctx // It is that of the test.
	stop   context.CancelFunc
	began  time.Time
	runs   sync.WaitGroup

	mu     sync.Mutex
	events map[string][]scalers.Event
}

// newPollerEnv runs a poller until the end of the test, which is also the end of its synctest bubble. Its second readings come after a
// whole interval.
func newPollerEnv(t *testing.T, slots int) *pollerEnv {
	t.Helper()
	p := NewPoller(slots, slots)
	p.second = func(_ time.Time, interval time.Duration) time.Duration { return interval }
	p.ringOf = func(k groupKey) groupKey { return k }
	return newPollerEnvWith(t, p)
}

func newPollerEnvWith(t *testing.T, p *Poller) *pollerEnv {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	b := &pollerEnv{t: t, poller: p, ctx: ctx, stop: cancel, began: time.Now(), events: map[string][]scalers.Event{}}
	b.runs.Go(func() {
		if err := b.poller.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("the poller returned %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		b.runs.Wait()
		if n := len(b.poller.groups) + len(b.poller.rings) + len(b.poller.scheduled) + len(b.poller.flows) + len(b.poller.shares); n != 0 {
			t.Errorf("%d groups, rings, flows and shares are left", n)
		}
	})
	return b
}

// run opens and runs a polled source. The returned function ends it.
func (b *pollerEnv) run(trigger, key string, interval time.Duration, r Reader) func() {
	return b.runAs(Env{Namespace: "shop", Trigger: trigger, PollingInterval: interval}, keyOn(key), r)
}

// keyOn returns the PollKey with this key on the one server of these tests.
func keyOn(key string) PollKey { return PollKey{Server: "server", Key: key} }

// runAs runs a source with any Env and any PollKey. The returned function ends it.
func (b *pollerEnv) runAs(env Env, q PollKey, r Reader) func() {
	ctx, cancel := context.WithCancel(b.ctx)
	env.Poller, env.Now = b.poller, time.Now
	source, trigger := Poll(q, r, env), env.Trigger
	done := make(chan struct{})
	b.runs.Go(func() {
		defer close(done)
		if err := source.Run(ctx, b.emit); !errors.Is(err, context.Canceled) {
			b.t.Errorf("%s returned %v", trigger, err)
		}
	})
	return func() { cancel(); <-done }
}

func (b *pollerEnv) emit(e scalers.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events[e.Trigger] = append(b.events[e.Trigger], e)
}

// times returns when the events of a trigger were read, since the start of the test.
func (b *pollerEnv) times(trigger string) []time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []time.Duration
	for _, e := range b.events[trigger] {
		all = append(all, e.At.Time().Sub(b.began))
	}
	return all
}

func (b *pollerEnv) last(trigger string) scalers.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := b.events[trigger]
	if len(events) == 0 {
		b.t.Fatalf("%s: got no event", trigger)
	}
	return events[len(events)-1]
}

// advance lets time pass, and then waits until every goroutine is blocked.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func three(context.Context) (scalers.Milli, error) { return 3000, nil }

func testReaderIsReadAtOnceAndThenOncePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnvWith(t, NewPoller(2, 2))
		b.run("q", "k", 10*time.Second, readFunc(three))
		advance(time.Minute)
		got := b.times("q")
		if len(got) < 7 || got[0] != 0 || got[1] > 10*time.Second {
			t.Fatalf("read at %v, want at once, again within 10s, and then every 10s", got)
		}
		for i := range got[2:] {
			if gap := got[i+2] - got[i+1]; gap != 10*time.Second {
				t.Errorf("read at %v: a gap of %s", got, gap)
			}
		}
		if e := b.last("q"); e.Value != 3000 || e.Err != nil || e.Trigger != "q" {
			t.Errorf("got %+v", e)
		}
	})
}

// testReadingsAreSpreadEvenlyOverInterval counts the readings in each tenth of an interval, and allows for the groups that are not spread.
func testReadingsAreSpreadEvenlyOverInterval(t *testing.T) {
	const groups, parts, least, most = 2000, 10, 197, 212
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnvWith(t, NewPoller(512, 64))
		var counts [6 * parts]int
		for i := range groups {
			b.run(strconv.Itoa(i), strconv.Itoa(i), time.Minute, readFunc(func(context.Context) (scalers.Milli, error) {
				b.mu.Lock()
				defer b.mu.Unlock()
				counts[time.Since(b.began)*parts/time.Minute]++
				return 0, nil
			}))
		}
		advance(5*time.Minute - time.Millisecond)
		b.mu.Lock()
		defer b.mu.Unlock()
		if counts[0] -= groups; counts[0] < 0 {
			t.Errorf("%d of %d groups were not read at once", -counts[0], groups)
		}
		for part, n := range counts[:5*parts] {
			if n < least || n > most {
				t.Errorf("%d readings began in part %d of %d of the interval, want from %d to %d; all parts: %v", n, part%parts, parts, least, most, counts)
			}
		}
	})
}

func testSameReaderIsReadOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 2)
		reads := map[string]int{}
		count := func(name string) Reader {
			return readFunc(func(context.Context) (scalers.Milli, error) {
				b.mu.Lock()
				defer b.mu.Unlock()
				reads[name]++
				return 1000, nil
			})
		}
		leave := b.run("a", "k", time.Minute, count("a"))
		b.run("b", "k", time.Minute, count("b"))
		b.run("other interval", "k", time.Hour, count("other interval"))
		b.run("other key", "j", time.Minute, count("other key"))
		advance(10 * time.Second)
		if len(b.times("a")) != 1 || !slices.Equal(b.times("a"), b.times("b")) || reads["a"]+reads["b"] != 1 {
			t.Errorf("got events of a at %v, of b at %v, reads %v; want one shared reading", b.times("a"), b.times("b"), reads)
		}
		if reads["other interval"] != 1 || reads["other key"] != 1 {
			t.Errorf("reads %v", reads)
		}
		leave()
		advance(2 * time.Minute)
		if len(b.times("a")) != 1 || len(b.times("b")) < 2 {
			t.Errorf("after a ended: got events of a at %v, of b at %v; want only further ones of b", b.times("a"), b.times("b"))
		}
	})
}

func testNewSubscriberGetsLastReadingAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 2)
		b.run("a", "k", time.Minute, readFunc(three))
		advance(30 * time.Second)
		b.run("b", "k", time.Minute, readFunc(func(context.Context) (scalers.Milli, error) {
			return 0, errors.New("read for the newcomer alone")
		}))
		synctest.Wait()
		if e := b.last("b"); e.Value != 3000 || e.At.Time().Sub(b.began) != 0 {
			t.Errorf("got %+v", e)
		}
	})
}

func testFailedReadingIsUnknownAndNextOneMayRecover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 2)
		reads := 0
		b.run("q", "k", time.Second, readFunc(func(context.Context) (scalers.Milli, error) {
			switch reads++; reads {
			case 1:
				return 7000, errors.New("connection refused")
			case 2:
				panic("index out of range")
			}
			return 3000, nil
		}))
		synctest.Wait()
		if e := b.last("q"); e.Err == nil || e.Err.Error() != "connection refused" {
			t.Errorf("got %+v", e)
		}
		advance(1500 * time.Millisecond)
		if e := b.last("q"); e.Err == nil || !strings.Contains(e.Err.Error(), "defect: index out of range") {
			t.Errorf("a panic is %+v", e)
		}
		advance(time.Second)
		if e := b.last("q"); e.Err != nil || e.Value != 3000 {
			t.Errorf("got %+v", e)
		}
	})
}

// hang waits for its deadline.
func hang(ctx context.Context) (scalers.Milli, error) {
	<-ctx.Done()
	return 0, context.Cause(ctx)
}

func testReadingHasDeadline(t *testing.T) {
	for interval, want := range map[time.Duration]string{5 * time.Second: "no answer within 5s", time.Hour: "no answer within 30s"} {
		synctest.Test(t, func(t *testing.T) {
			b := newPollerEnv(t, 2)
			b.run("q", "k", interval, readFunc(hang))
			advance(31 * time.Second)
			if e := b.last("q"); e.Err == nil || e.Err.Error() != want {
				t.Errorf("got %+v, expected %q", e, want)
			}
		})
	}
}

func testSourceThatEndsCancelsItsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 2)
		reading := 0
		leave := b.run("q", "k", time.Minute, readFunc(func(ctx context.Context) (scalers.Milli, error) {
			reading++
			defer func() { reading-- }()
			return hang(ctx)
		}))
		advance(time.Second)
		leave()
		if elapsed := time.Since(b.began); elapsed != time.Second || reading != 0 {
			t.Errorf("the source ended after %s, with %d readings in flight", elapsed, reading)
		}
		if events := b.times("q"); len(events) != 0 {
			t.Errorf("the source emitted events at %v because it ended, want none", events)
		}
	})
}

func testSubscriberThatLeavesDuringNotificationGetsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 2)
		ctx, cancel := context.WithCancel(b.ctx)
		defer cancel()
		both, leave := make(chan struct{}), func() {}
		waits := readFunc(func(context.Context) (scalers.Milli, error) { <-both; return 0, nil })
		first := Poll(keyOn("k"), waits, Env{PollingInterval: time.Minute, Poller: b.poller})
		b.runs.Go(func() { _ = first.Run(ctx, func(scalers.Event) { leave() }) })
		synctest.Wait()
		leave = b.run("second", "k", time.Minute, readFunc(three))
		synctest.Wait()
		close(both)
		synctest.Wait()
		if events := b.times("second"); len(events) != 0 {
			t.Errorf("after the source ended: got events at %v, want none", events)
		}
	})
}

func testPollerEmitsNothingWhenItStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 2)
		b.run("q", "k", time.Minute, readFunc(hang))
		advance(time.Second)
		b.stop()
		b.runs.Wait()
		if events := b.times("q"); len(events) != 0 {
			t.Errorf("got events at %v, want none", events)
		}
	})
}

func testWithoutPollerSourceReturnsError(t *testing.T) {
	if err := Poll(keyOn("k"), readFunc(three), Env{}).Run(t.Context(), nil); err == nil {
		t.Error("Run returned no error without a poller, want one")
	}
}

func testEachSubscriberEvaluatesSharedReadingForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 1)
		reads := 0
		read := func(context.Context) (map[string]scalers.Milli, error) {
			reads++
			return map[string]scalers.Milli{"a": 1, "b": 2}, nil
		}
		for _, trigger := range []string{"a", "b", "c"} {
			event := func(_ scalers.Instant, all map[string]scalers.Milli) scalers.Event {
				if trigger == "c" {
					panic("a mistake")
				}
				return scalers.Event{Value: all[trigger]}
			}
			source := PollEach(keyOn("k"), read, event, Env{Trigger: trigger, PollingInterval: time.Minute, Poller: b.poller, Now: time.Now})
			b.runs.Go(func() { _ = source.Run(b.ctx, b.emit) })
		}
		synctest.Wait()
		if first, second := b.last("a"), b.last("b"); reads != 1 || first.Value != 1 || second.Value != 2 || first.At != second.At || first.At == 0 {
			t.Errorf("after %d readings: got %+v and %+v, want one reading with levels 1 and 2", reads, first, second)
		}
		if broken := b.last("c"); broken.Err == nil || broken.At == 0 {
			t.Errorf("after a panic: got %+v, want an event with an error and a time", broken)
		}
	})
}

func testChangeOfCredentialsLeadsToReadingAtOnceAndNotToMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 4)
		changed, ended := func() {}, false
		env := Env{Namespace: "shop", Trigger: "a", PollingInterval: time.Hour, WatchSecrets: func(f func()) func() {
			changed = f
			return func() { ended = true }
		}}
		stop := b.runAs(env, keyOn("q"), readFunc(func(context.Context) (scalers.Milli, error) {
			<-time.After(100 * time.Millisecond)
			return 1000, nil
		}))
		advance(10 * time.Second)
		changed()
		<-time.After(50 * time.Millisecond)
		for range 5 { // During a reading.
			changed()
		}
		<-time.After(time.Minute)
		want := []time.Duration{0, 10 * time.Second, 10500 * time.Millisecond}
		if got := b.times("a"); !slices.Equal(got, want) {
			t.Errorf("got readings at %v, want %v: after the change, and once more half a second later", got, want)
		}
		if stop(); !ended {
			t.Error("the credentials are still watched after the source has ended")
		}
	})
}
