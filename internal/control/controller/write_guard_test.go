package controller

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/actuator"
)

func TestWriteGuard(t *testing.T) {
	t.Run("a write waits for its hook, and a refusal prevents it", testWriteWaitsForItsHookAndRefusalPreventsIt)
	t.Run("a process that does not lead does not run the hook", testProcessThatDoesNotLeadDoesNotRunHook)
	t.Run("the hook ends with the Lease", testHookEndsWithLease)
	t.Run("a hook that is not answered while the Lease is renewed has timed out", testHookThatIsNotAnsweredHasTimedOut)
	t.Run("the write has the time of the Lease as it was renewed while the hook ran", testWriteHasTimeOfRenewedLease)
	t.Run("a caller waits for the finalizer that another one adds until its context is done", testCallerWaitsForFinalizerUntilItsContextIsDone)
}

var errNotLeading = errors.New("another process leads")

func testWriteWaitsForItsHookAndRefusalPreventsIt(t *testing.T) {
	errNo := errors.New("no")
	refuse := func(context.Context) (context.Context, context.CancelFunc, error) { return nil, nil, errNo }
	hook := &preWriteHook{
		adding:        make(chan struct{}, 1),
		addFinalizer:  func(context.Context) error { return nil },
		storeOriginal: func(context.Context, actuator.Target, int32) error { return errNo },
	}
	for name, test := range map[string]struct {
		leading func(context.Context) (context.Context, context.CancelFunc, error)
		hook    *preWriteHook
		want    error
	}{
		"a leader without a hook writes":                       {leading, nil, nil},
		"a process that does not lead writes nothing":          {refuse, nil, errNo},
		"nothing is written before the original count is kept": {leading, hook, errNo},
	} {
		t.Run(name, func(t *testing.T) {
			var pointer atomic.Pointer[preWriteHook]
			pointer.Store(test.hook)
			g := &writeGuard{actuator.Target{}, test.leading, &pointer}
			ctx, _, err := g.check(t.Context(), 2)
			if !errors.Is(err, test.want) || (ctx == nil) != (test.want != nil) {
				t.Errorf("check returned %v and error %v, want error %v, and a context only without one", ctx, err, test.want)
			}
		})
	}
}

// lease says until when this process leads.
type lease struct{ until time.Time }

// leading returns a context that ends when the Lease does, as the elector does.
func (l *lease) leading(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if !time.Now().Before(l.until) {
		return nil, nil, errNotLeading
	}
	ctx, cancel := context.WithDeadline(ctx, l.until)
	return ctx, cancel, nil
}

// guarded runs a test with a guard whose Lease lasts for a second and whose hook does what store does.
func guarded(t *testing.T, store func(ctx context.Context, l *lease) error, test func(t *testing.T, g *writeGuard, l *lease)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lease{until: time.Now().Add(time.Second)}
		g := &writeGuard{leading: l.leading, preWrite: &atomic.Pointer[preWriteHook]{}}
		g.preWrite.Store(&preWriteHook{
			adding: make(chan struct{}, 1), addFinalizer: func(context.Context) error { return nil },
			storeOriginal: func(ctx context.Context, _ actuator.Target, _ int32) error { return store(ctx, l) },
		})
		test(t, g, l)
	})
}

// hang returns when ctx is done.
func hang(ctx context.Context, _ *lease) error {
	<-ctx.Done()
	return ctx.Err()
}

func testProcessThatDoesNotLeadDoesNotRunHook(t *testing.T) {
	ran := false
	guarded(t, func(context.Context, *lease) error { ran = true; return nil }, func(t *testing.T, g *writeGuard, l *lease) {
		l.until = time.Time{}
		if _, _, err := g.check(t.Context(), 2); !errors.Is(err, errNotLeading) || ran {
			t.Errorf("got error %v, and the hook ran: %t; want %v, and no run", err, ran, errNotLeading)
		}
	})
}

func testHookEndsWithLease(t *testing.T) {
	guarded(t, hang, func(t *testing.T, g *writeGuard, _ *lease) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		if _, _, err := g.check(ctx, 2); !errors.Is(err, errNotLeading) || errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("got error %v after %s, want %v alone after 1s: it says nothing about the API server", err, time.Since(began), errNotLeading)
		}
	})
}

func testHookThatIsNotAnsweredHasTimedOut(t *testing.T) {
	renewAndHang := func(ctx context.Context, l *lease) error {
		l.until = l.until.Add(time.Hour)
		return hang(ctx, l)
	}
	guarded(t, renewAndHang, func(t *testing.T, g *writeGuard, _ *lease) {
		if _, _, err := g.check(t.Context(), 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

func testWriteHasTimeOfRenewedLease(t *testing.T) {
	renew := func(_ context.Context, l *lease) error {
		l.until = l.until.Add(time.Second)
		return nil
	}
	guarded(t, renew, func(t *testing.T, g *writeGuard, l *lease) {
		ctx, done, err := g.check(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		if until, _ := ctx.Deadline(); !until.Equal(l.until) || ctx.Err() != nil {
			t.Errorf("the write must end at %s, and its context has the error %v; want %s, and none", until, ctx.Err(), l.until)
		}
	})
}

func testCallerWaitsForFinalizerUntilItsContextIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		h := &preWriteHook{adding: make(chan struct{}, 1), addFinalizer: func(context.Context) error {
			calls++
			<-time.After(finalizerTimeout)
			return nil
		}}
		first := make(chan error)
		go func() { first <- h.ensureFinalizer(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := h.ensureFinalizer(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("got error %v after %s, want %v after 1s", err, time.Since(began), context.DeadlineExceeded)
		}
		if err := h.ensureFinalizer(t.Context()); err != nil || calls != 1 {
			t.Errorf("got error %v after %d calls, want none after the one that another caller began", err, calls)
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}
