package controller

import (
	"context"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

const (
	// minRetry is the pause after the first failed change of a finalizer. It doubles with each failure, up to maxRetry.
	minRetry, maxRetry = time.Second, time.Minute
	// finalizerTimeout bounds one attempt.
	finalizerTimeout = 10 * time.Second
)

// finalizerSync is a goroutine that adds or removes the finalizer of an object until it succeeds or is cancelled.
type finalizerSync struct {
	want   bool
	cancel context.CancelFunc
	done   chan struct{}
}

// ended reports whether the goroutine has ended.
func (f *finalizerSync) ended() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// syncFinalizer starts to add or remove an object's finalizer, so that it matches
// spec.advanced.restoreToOriginalReplicaCount.
func (c *Controller) syncFinalizer(ctx context.Context, e *entry) {
	if c.options.Settings.DryRun {
		return // A dry run writes nothing but statuses and Events.
	}
	want, previous := compile.Restores(e.so) && !e.so.Spec.DryRun, e.finalizerSync
	if !want {
		e.preWrite.Store(nil)
	} else if e.preWrite.Load() == nil {
		e.preWrite.Store(c.newPreWriteHook(e.so))
	}
	if c.options.Finalizers == nil || hasFinalizer(e.so) == want || previous != nil && previous.want == want && !previous.ended() {
		return
	}
	if want {
		// A hook adds the finalizer only once. The old one may have done so before the finalizer was removed by hand.
		e.preWrite.Store(c.newPreWriteHook(e.so))
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &finalizerSync{want: want, cancel: cancel, done: make(chan struct{})}
	e.finalizerSync = f
	object, h := objectOf(e.so), e.preWrite.Load()
	c.all.Go(func() {
		defer close(f.done)
		defer cancel()
		if previous != nil {
			previous.cancel()
			<-previous.done
		}
		c.retry(ctx, object, func(ctx context.Context) error {
			if want {
				return h.ensureFinalizer(ctx)
			}
			return c.options.Finalizers.RemoveFinalizer(ctx, object)
		})
	})
}

// retry calls do until it succeeds or ctx is done, and reports the first failure as an Event.
func (c *Controller) retry(ctx context.Context, object status.Object, do func(context.Context) error) {
	for pause, reported := minRetry, false; ; pause = min(2*pause, maxRetry) {
		attempt, cancel := context.WithTimeout(ctx, finalizerTimeout)
		err := do(attempt)
		cancel()
		if err == nil || ctx.Err() != nil {
			return
		}
		if !reported {
			reported = true
			c.options.Reporter.Event(object, true, v1alpha1.ReasonFinalizerFailed, err.Error()+"; Impulse retries until it succeeds")
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// hasFinalizer reports whether an object has Impulse's finalizer.
func hasFinalizer(so *v1alpha1.ScaledObject) bool { return slices.Contains(so.Finalizers, Finalizer) }

func objectOf(so *v1alpha1.ScaledObject) status.Object {
	return status.Object{Namespace: so.Namespace, Name: so.Name, UID: string(so.UID)}
}
