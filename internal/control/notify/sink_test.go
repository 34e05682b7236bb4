package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestSink(t *testing.T) {
	t.Run("a failed try is repeated after growing waits until it succeeds", testFailedTryIsRepeatedAfterGrowingWaitsUntilItSucceeds)
	t.Run("a sink that is busy is asked again when it wants", testSinkThatIsBusyIsAskedAgainWhenItWants)
	t.Run("a rejected notification is not repeated", testRejectedNotificationIsNotRepeated)
	t.Run("a notification that is too old is not sent", testNotificationThatIsTooOldIsNotSent)
	t.Run("a failure is logged once for each reason, and its end with what was lost", testFailureIsLoggedOnceForEachReason)
	t.Run("a new definition is used at once, and the queue stays", testNewDefinitionIsUsedAtOnceAndQueueStays)
	t.Run("what is queued is sent before the end", testWhatIsQueuedIsSentBeforeEnd)
	t.Run("the end does not wait longer than its limit", testEndDoesNotWaitLongerThanItsLimit)
	t.Run("a sink that is slow delays neither the caller nor another sink", testSlowSinkDelaysNeitherCallerNorAnotherSink)
}

// fakeTransport answers as a function says, and records when it was asked for what. A real server cannot run on virtual time.
type fakeTransport struct {
	answer func(ctx context.Context, e *Event) error

	mu     sync.Mutex
	tries  []time.Duration
	sent   []string
	start  time.Time
	closed int
}

func (f *fakeTransport) send(ctx context.Context, e *Event) error {
	f.mu.Lock()
	f.tries = append(f.tries, time.Since(f.start))
	f.mu.Unlock()
	err := f.answer(ctx, e)
	if err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.sent = append(f.sent, e.Name)
	}
	return err
}

func (f *fakeTransport) close() { f.closed++ }

// running is a sink on virtual time.
type running struct {
	*sink
	*fakeTransport

	t    *testing.T
	log  *testkit.Log
	stop chan struct{}
}

// serve runs a sink with a transport that answers as a function says.
func serve(t *testing.T, answer func(ctx context.Context, e *Event) error) *running {
	t.Helper()
	r := &running{fakeTransport: &fakeTransport{answer: answer, start: time.Now()}, t: t, log: testkit.NewLog(t), stop: make(chan struct{})}
	n := New(Options{Log: slog.New(slog.NewTextHandler(r.log, nil))})
	r.sink = n.newSink(&Sink{Name: "s", Timeout: defaultTimeout, MaxAge: defaultMaxAge})
	r.open = func(*Sink) (transport, error) { return r.fakeTransport, nil }
	go r.run(r.stop)
	return r
}

// push offers an event about an object.
func (r *running) push(names ...string) {
	for _, name := range names {
		r.offer(&Event{Type: Scaled, Name: name, Time: time.Now()})
	}
	synctest.Wait()
}

// end ends the sink and waits for it.
func (r *running) end() {
	close(r.stop)
	<-r.done
}

// counted returns the number of notifications with a result.
func (r *running) counted(result string) float64 {
	return testutil.ToFloat64(r.metrics.total.WithLabelValues("s", result))
}

func testFailedTryIsRepeatedAfterGrowingWaitsUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := serve(t, func(context.Context, *Event) error { return errors.New("down") })
		r.answer = func(context.Context, *Event) error {
			if len(r.tries) < 9 {
				return errors.New("down")
			}
			return nil
		}
		r.push("a", "b")
		<-time.After(10 * time.Minute)
		synctest.Wait()
		if got := strings.Join(r.sent, " "); got != "a b" {
			t.Errorf("sent %q, want a b, in this order", got)
		}
		for i, seconds := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
			wait := r.tries[i+1] - r.tries[i]
			if most := time.Duration(seconds) * time.Second; wait > most || wait < most*3/4 {
				t.Errorf("wait %d is %s, want %s to %s", i, wait, most*3/4, most)
			}
		}
		if sent, retries := r.counted(resultSent), testutil.ToFloat64(r.metrics.retries); sent != 2 || retries != 8 {
			t.Errorf("counted %v sent and %v retries, want 2 and 8", sent, retries)
		}
		r.end()
	})
}

func testSinkThatIsBusyIsAskedAgainWhenItWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := serve(t, nil)
		r.answer = func(context.Context, *Event) error {
			if len(r.tries) == 1 {
				return &busyError{"too many", 40 * time.Second}
			}
			return nil
		}
		r.push("a")
		<-time.After(time.Minute)
		synctest.Wait()
		if len(r.tries) != 2 || r.tries[1] != 40*time.Second {
			t.Errorf("tried at %v, want a second time after 40s", r.tries)
		}
		r.end()
	})
}

func testRejectedNotificationIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := serve(t, func(_ context.Context, e *Event) error {
			if strings.HasPrefix(e.Name, "bad") {
				return &rejectedError{"no such channel"}
			}
			return nil
		})
		r.push("bad-1", "bad-2", "good")
		if got := strings.Join(r.sent, " "); got != "good" || len(r.tries) != 3 || r.counted(resultRejected) != 2 {
			t.Errorf("sent %q after %d tries, and counted %v rejected: want good, 3 and 2", got, len(r.tries), r.counted(resultRejected))
		}
		if n := strings.Count(r.log.String(), "no such channel"); n != 1 {
			t.Errorf("the reason was logged %d times, want once:\n%s", n, r.log)
		}
		<-time.After(2 * rejectionInterval)
		r.push("bad-3")
		if n := strings.Count(r.log.String(), "no such channel"); n != 2 {
			t.Errorf("the reason was logged %d times, want again after an hour", n)
		}
		r.end()
	})
}

func testNotificationThatIsTooOldIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		r := serve(t, func(context.Context, *Event) error {
			if !up.Load() {
				return errors.New("down")
			}
			return nil
		})
		r.push("old")
		<-time.After(defaultMaxAge - time.Minute)
		r.push("new")
		<-time.After(time.Minute)
		synctest.Wait()
		if waiting, oldest := r.state(); waiting != 1 || time.Since(oldest) != time.Minute {
			t.Errorf("%d notifications wait, the oldest since %s: want 1, since 1m", waiting, time.Since(oldest))
		}
		up.Store(true)
		<-time.After(2 * maxBackoff)
		synctest.Wait()
		if got := strings.Join(r.sent, " "); got != "new" || r.counted(resultExpired) != 1 {
			t.Errorf("sent %q and counted %v expired, want new and 1", got, r.counted(resultExpired))
		}
		if want := "notifications are sent again"; !strings.Contains(r.log.String(), want) || !strings.Contains(r.log.String(), "lost=1") {
			t.Errorf("the log is\n%s\nwant %q with lost=1", r.log, want)
		}
		r.end()
	})
}

func testFailureIsLoggedOnceForEachReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reason atomic.Pointer[string]
		fail := func(text string) { reason.Store(&text) }
		fail("connection refused")
		r := serve(t, func(context.Context, *Event) error {
			if text := *reason.Load(); text != "" {
				return errors.New(text)
			}
			return nil
		})
		r.push("a")
		<-time.After(5 * time.Minute)
		synctest.Wait()
		if n := strings.Count(r.log.String(), "connection refused"); n != 1 || len(r.tries) < 5 {
			t.Errorf("after %d tries the reason was logged %d times, want once:\n%s", len(r.tries), n, r.log)
		}
		for range maxQueued + 3 {
			r.offer(&Event{Type: Scaled, Name: "b", Time: time.Now()})
		}
		fail("certificate has expired")
		<-time.After(2 * maxBackoff)
		synctest.Wait()
		if n := strings.Count(r.log.String(), "certificate has expired"); n != 1 {
			t.Errorf("the next reason was logged %d times, want once:\n%s", n, r.log)
		}
		fail("")
		<-time.After(2 * maxBackoff)
		synctest.Wait()
		if !strings.Contains(r.log.String(), "lost=3") || r.counted(resultDropped) != 3 {
			t.Errorf("counted %v dropped, want 3, and lost=3 in the log:\n%s", r.counted(resultDropped), r.log)
		}
		if n := strings.Count(r.log.String(), "\n"); n != 3 {
			t.Errorf("the log has %d lines, want 3", n)
		}
		r.end()
	})
}

func testNewDefinitionIsUsedAtOnceAndQueueStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := errors.New("the old address is gone")
		r := serve(t, func(context.Context, *Event) error { return old })
		r.push("a", "b")
		<-time.After(time.Minute)
		synctest.Wait()
		replaced := time.Now()
		next := &fakeTransport{answer: func(context.Context, *Event) error { return nil }, start: replaced}
		r.open = func(*Sink) (transport, error) { return next, nil }
		r.replace(&Sink{Name: "s", Timeout: time.Second, MaxAge: time.Hour})
		synctest.Wait()
		if got := strings.Join(next.sent, " "); got != "a b" || time.Since(replaced) != 0 {
			t.Errorf("sent %q after %s, want a b at once", got, time.Since(replaced))
		}
		if r.closed != 1 {
			t.Errorf("the old transport was closed %d times, want once", r.closed)
		}
		r.end()
	})
}

func testWhatIsQueuedIsSentBeforeEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := serve(t, nil)
		r.answer = func(context.Context, *Event) error {
			<-time.After(time.Second)
			if len(r.tries) == 2 {
				return errors.New("down")
			}
			return nil
		}
		r.push("a", "b", "c")
		r.end()
		if got := strings.Join(r.sent, " "); got != "a b c" || r.counted(resultLost) != 0 {
			t.Errorf("sent %q and counted %v lost, want a b c and 0", got, r.counted(resultLost))
		}
	})
}

func testEndDoesNotWaitLongerThanItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := testkit.NewLog(t)
		n := New(Options{Log: slog.New(slog.NewTextHandler(log, nil)), Flush: 5 * time.Second})
		stuck := &fakeTransport{answer: func(ctx context.Context, _ *Event) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}, start: time.Now()}
		all := map[string]*sink{}
		for i := range 3 {
			s := n.newSink(&Sink{Name: fmt.Sprint("s", i), Timeout: time.Hour, MaxAge: 2 * time.Hour})
			s.open = func(*Sink) (transport, error) { return stuck, nil }
			all[s.name] = s
		}
		n.sinks.Store(&all)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- n.Run(ctx) }()
		n.Notify(&Event{Type: Paused, Name: "a", Time: time.Now()})
		n.Notify(&Event{Type: Paused, Name: "b", Time: time.Now()})
		<-time.After(time.Minute)
		began := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("the end took %s, want 5s", took)
		}
		if strings.Count(log.String(), "count=2") != 3 || testutil.ToFloat64(n.metrics.total.WithLabelValues("s1", resultLost)) != 2 {
			t.Errorf("the log is\n%s\nwant count=2 for each of 3 sinks", log)
		}
	})
}

func testSlowSinkDelaysNeitherCallerNorAnotherSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := serve(t, func(ctx context.Context, _ *Event) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		fast := serve(t, func(context.Context, *Event) error { return nil })
		all := map[string]*sink{"slow": slow.sink, "fast": fast.sink}
		n := New(Options{})
		n.sinks.Store(&all)
		began := time.Now()
		for i := range 2 * maxQueued {
			n.Notify(&Event{Type: Scaled, Name: strconv.Itoa(i), Time: time.Now()})
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if took := time.Since(began); took != 0 || len(fast.sent) != 2*maxQueued {
			t.Errorf("it took %s, and the fast sink got %d: want no time, and all", took, len(fast.sent))
		}
		<-time.After(defaultTimeout)
		synctest.Wait()
		if want := "no answer within 10s"; !strings.Contains(slow.log.String(), want) {
			t.Errorf("the log is\n%s\nwant %q", slow.log, want)
		}
		close(slow.ended)
		<-slow.done
		fast.end()
	})
}
