package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// shortestPause and longestPause bound the pause between the end of a part and its next start.
const (
	shortestPause = time.Second
	longestPause  = time.Minute
)

// errEnded is the error of a source that returned nil although its context was not done.
var errEnded = errors.New("it ended by itself")

// part is the source of a trigger, or the subscription to the target. It is started again after it has ended. The level of a source that has ended is
// unknown until its next reading; the other parts are not disturbed.
type part struct {
	running bool
	// stop ends a part without a goroutine. A part with one ends with the context, and has no stop.
	stop func()
	// began is when it was started last, restartAt when it may be started again. pause is the next pause. It doubles while no run lasts longer
	// than the longest pause.
	began, restartAt scalers.Instant
	pause            time.Duration
}

// startParts starts the parts that do not run and may. It returns when the next one may be started.
func (a *Autoscaler) startParts(ctx context.Context) (next scalers.Instant) {
	next = scalers.Never
	for i := range a.parts {
		p := &a.parts[i]
		if p.running || a.awaitsPods(i) {
			continue
		}
		if now := a.now(); now >= p.restartAt {
			a.startPart(ctx, i, now)
		}
		if !p.running {
			next = min(next, p.restartAt)
		}
	}
	return next
}

// awaitsPods reports whether a part reads single pods, and the target has not been observed yet. The observation wakes the item.
func (a *Autoscaler) awaitsPods(i int) bool {
	return !a.isTarget(i) && a.options.Workload.Policy.Triggers[i].PerPod && !a.pods.known()
}

func (a *Autoscaler) isTarget(i int) bool { return i == len(a.parts)-1 }

func (a *Autoscaler) startPart(ctx context.Context, i int, now scalers.Instant) {
	p := &a.parts[i]
	p.running, p.began = true, now
	err := triggers.Recovered(func() (err error) {
		if a.isTarget(i) {
			p.stop, err = a.followTarget()
			return err
		}
		p.stop, err = a.startSource(ctx, i)
		return err
	})
	if err != nil {
		a.partEnded(i, err)
	}
}

// Asynchronous is implemented by a Source without a goroutine of its own whose end can take a while, because it contains another source that
// may have one.
type Asynchronous interface {
	triggers.Source
	// Begin is like Run, but returns at once. ended is called with what Run would return, after everything has ended.
	Begin(ctx context.Context, emit func(scalers.Event), ended func(error))
}

// startSource starts the source of a trigger. A source that is neither passive nor asynchronous gets a goroutine.
func (a *Autoscaler) startSource(ctx context.Context, i int) (stop func(), err error) {
	ended := func(err error) { a.inbox.putEnd(partEnd{i, err}) }
	source, err := a.options.Open(i, ended)
	if err != nil {
		return nil, &openError{err}
	}
	emit := func(e scalers.Event) { a.inbox.putReading(i, e) }
	switch source := source.(type) {
	case triggers.Passive:
		return source.Start(emit)
	case Asynchronous:
		source.Begin(ctx, emit, ended)
		return nil, nil
	}
	go func() { ended(triggers.Recovered(func() error { return source.Run(ctx, emit) })) }()
	return nil, nil
}

// followTarget starts to observe the target.
func (a *Autoscaler) followTarget() (stop func(), err error) {
	w := a.options.Workload
	return a.options.Actuator.Follow(w.Target, actuator.WatchOptions{Pods: w.NeedsPods()}, a.observe)
}

func (a *Autoscaler) observe(o actuator.Observation) {
	a.pods.observe(&o)
	a.inbox.putObservation(o)
}

// endPart ends a part: it has ended by itself, or it is passive and has panicked.
func (a *Autoscaler) endPart(e partEnd) {
	if !a.parts[e.part].running {
		return // It has panicked several times.
	}
	a.stopPart(e.part)
	a.partEnded(e.part, e.err)
}

// stopPart ends a part without a goroutine.
func (a *Autoscaler) stopPart(i int) {
	p := &a.parts[i]
	if p.stop == nil {
		return
	}
	stop := p.stop
	p.running, p.stop = false, nil
	if err := triggers.Recovered(func() error { stop(); return nil }); err != nil {
		a.reportPanic(i, err)
	}
}

// reportPanic reports an error of a trigger if it is a panic.
func (a *Autoscaler) reportPanic(i int, err error) {
	if p, ok := errors.AsType[*triggers.PanicError](err); ok && a.options.Panicked != nil && !a.isTarget(i) {
		a.options.Panicked(a.options.Workload.Triggers[i].Name, p)
	}
}

// partEnded reports why a part has ended, and sets when it is started again.
func (a *Autoscaler) partEnded(i int, err error) {
	a.reportPanic(i, err)
	if err == nil {
		err = errEnded
	}
	p, now := &a.parts[i], a.now()
	if p.pause == 0 || now.Sub(p.began) > longestPause {
		p.pause = shortestPause
	}
	p.running, p.stop, p.restartAt = false, nil, now.Add(p.pause)
	p.pause = min(2*p.pause, longestPause)
	if a.isTarget(i) {
		a.observe(actuator.Observation{Ready: -1, Err: err})
		return
	}
	if unopened := (*openError)(nil); !errors.As(err, &unopened) {
		err = fmt.Errorf("the trigger stopped: %w", err)
	}
	a.inbox.putReading(i, scalers.Event{At: now, Err: err})
}

// stopParts ends the parts without a goroutine. It reports whether none is left.
func (a *Autoscaler) stopParts() bool {
	left := false
	for i := range a.parts {
		a.stopPart(i)
		left = left || a.parts[i].running
	}
	return !left
}

// openError is the error of a source that could not be opened.
type openError struct{ err error }

func (e *openError) Error() string { return "the trigger cannot start: " + e.err.Error() }

func (e *openError) Unwrap() error { return e.err }
