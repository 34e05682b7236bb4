package controller

import (
	"context"
	"errors"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/kube/writes"
	"github.com/impulse-sh/impulse/internal/policy/loop"
)

const (
	// notLeadingRetry is the pause of a process that may not write.
	notLeadingRetry = time.Second
	// restoreTimeout bounds one write.
	restoreTimeout = 5 * time.Second
	// maxQuietConflicts is how many conflicts in a row are not reported.
	maxQuietConflicts = 2
)

// restorer writes the original count of a target until the target has it. One goroutine owns it.
type restorer struct {
	actuator autoscaler.Actuator
	mayWrite func() bool
	// leading returns a context that ends when this process stops leading, or an error if it does not lead.
	leading func(context.Context) (context.Context, context.CancelFunc, error)
	// turns decides when a count is written.
	turns    *writes.Turns
	target   actuator.Target
	original int32
	// report is called with the error each time that the restoration fails.
	report func(error)

	// latest holds the newest observation until it is read.
	latest   chan actuator.Observation
	observed actuator.Observation
	failures int
	// retry fires when the next write may be tried; it is nil while a write may be tried at once. After a conflict, the next observation
	// ends the delay.
	retry    <-chan time.Time
	conflict bool
}

// run writes the original count until the target has it, and then returns "". Otherwise it returns the reason why the target does not get
// it. A write that is in flight when ctx is done is completed.
func (r *restorer) run(ctx context.Context) (obstacle string) {
	stop, err := r.actuator.Follow(r.target, actuator.WatchOptions{}, r.observe)
	if err != nil {
		r.observe(actuator.Observation{Err: err})
	} else {
		defer stop()
	}
	for {
		select {
		case <-ctx.Done():
			return "the restoration was cancelled"
		case r.observed = <-r.latest:
			if r.conflict {
				r.retry = nil
			}
		case <-r.retry:
			r.retry = nil
		}
		over, obstacle := r.over()
		if !over && r.retry == nil {
			r.write(ctx)
			over, obstacle = r.over()
		}
		if over {
			return obstacle
		}
	}
}

// observe replaces the observation that has not been read yet.
func (r *restorer) observe(o actuator.Observation) {
	select {
	case <-r.latest:
	default:
	}
	r.latest <- o
}

// readLatest reads the newest observation, if there is one, and reports whether there is nothing left to write.
func (r *restorer) readLatest() bool {
	select {
	case r.observed = <-r.latest:
	default:
	}
	over, _ := r.over()
	return over
}

// over reports whether there is nothing left to write. If the target then does not have its original count, obstacle is the reason.
func (r *restorer) over() (over bool, obstacle string) {
	switch o := &r.observed; {
	case gone(o.Err):
		return true, "it is gone: " + o.Err.Error()
	case o.Err == nil && o.ForeignHPA != "":
		return true, "HorizontalPodAutoscaler " + o.ForeignHPA + " scales it now"
	case o.Err == nil && o.Scale.Replicas == r.original:
		return true, ""
	default:
		return false, ""
	}
}

func gone(err error) bool {
	return errors.Is(err, actuator.ErrNotFound) || errors.Is(err, actuator.ErrNoScale)
}

// write tries to write the original count. While the API server is unavailable, it assumes the count that was observed last; the write fails
// if the target has another one.
func (r *restorer) write(ctx context.Context) {
	if err := r.observed.Err; err != nil {
		r.report(err)
		if r.observed.Scale.UID == "" || errors.Is(err, actuator.ErrForbidden) {
			return // The next observation decides.
		}
	}
	if !r.mayWrite() {
		r.retry, r.conflict = time.After(notLeadingRetry), false
		return
	}
	turn, err := r.turns.Wait(ctx, r.target.Namespace, r.original-r.observed.Scale.Replicas)
	if err != nil {
		return // The restoration is cancelled.
	}
	if over := r.readLatest(); over {
		turn.End(nil)
		return
	}
	scale, err := r.set(ctx)
	turn.End(err)
	switch {
	case err == nil:
		r.observed = actuator.Observation{Scale: scale}
		return
	case gone(err):
		r.observed.Err = err
		return
	}
	r.failures++
	r.retry, r.conflict = time.After(loop.RetryDelay(r.original > r.observed.Scale.Replicas, r.failures)), errors.Is(err, actuator.ErrConflict)
	if !r.conflict || r.failures > maxQuietConflicts {
		r.report(err)
	}
}

// set writes the original count once, unless this process stops leading before.
func (r *restorer) set(ctx context.Context) (actuator.Scale, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTimeout)
	defer cancel()
	ctx, done, err := r.leading(ctx)
	if err != nil {
		return actuator.Scale{}, err
	}
	defer done()
	return r.actuator.Set(ctx, r.target, r.observed.Scale, r.original)
}
