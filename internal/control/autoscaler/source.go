package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

// shortestPause and longestPause bound the pause between the end of a source and its next run.
const (
	shortestPause = time.Second
	longestPause  = time.Minute
)

// errEnded is the error of a source or a watch that returned nil although its context was not done.
var errEnded = errors.New("it ended by itself")

// runSource runs source i until ctx is done. The level of one that ends is unknown until its next reading; the other sources are
// not disturbed.
func (a *Autoscaler) runSource(ctx context.Context, i int) {
	if a.options.Workload.Policy.Triggers[i].PerPod && !a.pods.await(ctx) {
		return
	}
	a.restart(ctx, func() error {
		source, err := a.options.Open(i)
		if err != nil {
			return &openError{err}
		}
		return source.Run(ctx, func(e scalers.Event) { a.inbox.putReading(i, e) })
	}, func(err error) {
		if unopened := (*openError)(nil); !errors.As(err, &unopened) {
			err = fmt.Errorf("the trigger stopped: %w", err)
		}
		a.inbox.putReading(i, scalers.Event{At: a.now(), Err: err})
	})
}

// openError is the error of a source that could not be opened.
type openError struct{ err error }

func (e *openError) Error() string { return "the trigger cannot start: " + e.err.Error() }

func (e *openError) Unwrap() error { return e.err }

// watchTarget watches the target until ctx is done.
func (a *Autoscaler) watchTarget(ctx context.Context) {
	w := a.options.Workload
	observed := func(o actuator.Observation) {
		a.pods.observe(o)
		a.inbox.putObservation(o)
	}
	a.restart(ctx, func() error {
		return a.options.Actuator.Watch(ctx, w.Target, actuator.WatchOptions{Pods: w.NeedsPods()}, observed)
	}, func(err error) { observed(actuator.Observation{Ready: -1, Err: err}) })
}

// restart calls run until ctx is done: each time it ends, it calls ended with the error, and pauses. The pause doubles while no run
// lasts longer than the longest pause.
func (a *Autoscaler) restart(ctx context.Context, run func() error, ended func(error)) {
	pause := shortestPause
	for {
		began := a.now()
		err := recovered(run)
		if ctx.Err() != nil {
			return
		}
		ended(err)
		if a.now().Sub(began) > longestPause {
			pause = shortestPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		pause = min(2*pause, longestPause)
	}
}

// recovered calls run, and returns a panic as an error: a defect in one kind of trigger does not stop the others.
func recovered(run func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it panicked: %v", r)
		}
	}()
	if err := run(); err != nil {
		return err
	}
	return errEnded
}
