package controller

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
)

func TestSession(t *testing.T) {
	t.Run("a source with a goroutine ends before it is opened anew, and its own end is that of the trigger", testSourceWithGoroutineEndsBeforeItIsOpenedAnew)
	t.Run("a source that ends without an error is not opened again", testSourceThatEndsWithoutErrorIsNotOpenedAgain)
	t.Run("polled triggers with credentials have no goroutine", testPolledTriggersWithCredentialsHaveNoGoroutine)
}

func testSourceWithGoroutineEndsBeforeItIsOpenedAnew(t *testing.T) {
	e := newSourceEnv(t)
	runs, failed := make(chan int32, 10), errors.New("the stream ended")
	var running atomic.Int32
	e.stream = func(ctx context.Context, c sourceConfig) error {
		runs <- running.Add(1)
		defer running.Add(-1)
		if c.Host == "third" {
			return failed
		}
		<-ctx.Done()
		return ctx.Err()
	}
	ended := make(chan error, 1)
	source, _ := e.open(map[string]string{"hostFromEnv": "HOST"}, nil).(autoscaler.Asynchronous)
	source.Begin(t.Context(), func(event scalers.Event) { e.events <- event }, func(err error) { ended <- err })
	for _, want := range []string{"first", "second", "third"} {
		if want != "first" {
			e.setHost(want)
		}
		if got := <-e.opened; got.Host != want {
			t.Errorf("the source was opened with %+v, want the host %s", got, want)
		}
		if n := <-runs; n != 1 {
			t.Errorf("%d sources run at the same time, want 1", n)
		}
	}
	if err := <-ended; !errors.Is(err, failed) {
		t.Errorf("it ended with %v, want %v", err, failed)
	}
}

func testSourceThatEndsWithoutErrorIsNotOpenedAgain(t *testing.T) {
	e := newSourceEnv(t)
	e.stream = func(context.Context, sourceConfig) error { return nil }
	ended := make(chan error, 1)
	source, _ := e.open(map[string]string{"host": "first"}, nil).(autoscaler.Asynchronous)
	source.Begin(t.Context(), func(event scalers.Event) { e.events <- event }, func(err error) { ended <- err })
	<-e.opened
	select {
	case err := <-ended: // The autoscaler starts it again after a pause.
		if !errors.Is(err, errSourceEnded) {
			t.Errorf("it ended with %v, want %v", err, errSourceEnded)
		}
	case again := <-e.opened:
		t.Errorf("it was opened again at once, with %+v", again)
	}
}

func testPolledTriggersWithCredentialsHaveNoGoroutine(t *testing.T) {
	e := newSourceEnv(t)
	ctx, cancel := context.WithCancel(t.Context())
	const n = 20
	ended := make(chan error, n)
	e.queue = workqueue.New(2)
	for i := range n {
		source, _ := e.open(map[string]string{"host": strconv.Itoa(i)}, &v1alpha1.AuthenticationRef{Name: "login"}).(autoscaler.Asynchronous)
		source.Begin(ctx, func(event scalers.Event) { e.events <- event }, func(err error) { ended <- err })
	}
	for range n {
		<-e.secrets
	}
	testkit.Eventually(t, "no goroutine runs a trigger", func(context.Context) bool {
		return goroutinesWith("controller.(*session)") == 0 && goroutinesWith("workqueue.(*Queue)") == 0
	})
	e.put("second")
	for range n {
		<-e.secrets
	}
	cancel()
	for range n {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("a trigger ended with %v, want that it was cancelled", err)
		}
	}
}

// streamed is a source with a goroutine.
type streamed func(context.Context) error

func (run streamed) Run(ctx context.Context, _ func(scalers.Event)) error { return run(ctx) }
