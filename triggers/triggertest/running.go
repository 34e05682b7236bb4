package triggertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// name is the name of the trigger under test.
const name = "under-test"

// running is a source whose Run has been called.
type running struct {
	cancel  context.CancelFunc
	timeout time.Duration
	events  chan scalers.Event
	result  chan error
	// returned is true once Run has returned; late counts the events after that.
	returned atomic.Bool
	late     atomic.Int64
	// close stops the poller and the HTTP client that the suite gave to the source.
	close func()
}

// start runs a source until stop is called.
func (s subject) start(tb testing.TB, interval time.Duration) (*running, error) {
	tb.Helper()
	return s.startWith(tb.Context(), interval)
}

// startWith runs a source until stop is called or ctx is done.
func (s subject) startWith(ctx context.Context, interval time.Duration) (*running, error) {
	ctx, cancel := context.WithCancel(ctx)
	r, source, err := s.open(ctx, interval)
	if err != nil {
		cancel()
		return nil, err
	}
	r.cancel = cancel
	go func() {
		err := source.Run(ctx, r.emit)
		r.returned.Store(true)
		r.result <- err
	}()
	return r, nil
}

// open returns a source that does not run yet.
func (s subject) open(ctx context.Context, interval time.Duration) (*running, triggers.Source, error) {
	env, closeEnv := s.env(ctx, interval)
	r := &running{
		cancel: func() {}, timeout: s.timeout, events: make(chan scalers.Event, 1024), result: make(chan error, 1), close: closeEnv,
	}
	c, err := s.kind.Decode(s.fixture.Metadata)
	if err != nil {
		return nil, nil, errors.Join(err, r.abort())
	}
	source, err := s.kind.Open(c, env)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open: %w", err), r.abort())
	}
	return r, source, nil
}

// abort cleans up after a source that does not run.
func (r *running) abort() error {
	r.cancel()
	r.close()
	return nil
}

// env completes the fixture's Env with a poller, a client and so on. The returned function stops them.
func (s subject) env(ctx context.Context, interval time.Duration) (triggers.Env, func()) {
	env := s.fixture.Env
	env.Namespace, env.Object, env.Trigger, env.PollingInterval = "default", "object", name, interval
	if env.Now == nil {
		env.Now = time.Now
	}
	if env.Secrets == nil {
		env.Secrets = Secrets(s.fixture.Secrets)
	}
	transport := &http.Transport{}
	if env.HTTP == nil {
		env.HTTP = &http.Client{Transport: transport}
	}
	env.Pool, env.Poller = triggers.NewPool(), triggers.NewPoller(4, 4)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // The poller outlives its sources, as in the process.
	polling := make(chan struct{})
	go func() {
		defer close(polling)
		_ = env.Poller.Run(ctx) // Run returns only the error of ctx.
	}()
	return env, func() {
		cancel()
		<-polling
		transport.CloseIdleConnections()
	}
}

// emit stores an event. Events of a source that reports faster than the test reads are dropped, as they are in the process.
func (r *running) emit(e scalers.Event) {
	if r.returned.Load() {
		r.late.Add(1)
	}
	select {
	case r.events <- e:
	default:
	}
}

// wait returns the next event for which wanted returns true.
func (r *running) wait(wanted func(scalers.Event) bool) (scalers.Event, error) {
	timeout := time.NewTimer(r.timeout)
	defer timeout.Stop()
	last := "no event at all"
	for {
		select {
		case e := <-r.events:
			if wanted(e) {
				return e, nil
			}
			last = fmt.Sprintf("value %s, error %v", e.Value, e.Err)
		case err := <-r.result:
			r.result <- err
			return scalers.Event{}, fmt.Errorf("run returned by itself: %w", err)
		case <-timeout.C:
			return scalers.Event{}, fmt.Errorf("timeout while waiting for an event; the last one was: %s", last)
		}
	}
}

// stop cancels Run and returns an error unless it returned context.Canceled.
func (r *running) stop() error {
	r.cancel()
	timeout := time.NewTimer(r.timeout)
	defer timeout.Stop()
	select {
	case err := <-r.result:
		r.close()
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("run returned %w instead of the error of its context", err)
		}
		return nil
	case <-timeout.C:
		return errors.New("run did not return after its context was done")
	}
}
