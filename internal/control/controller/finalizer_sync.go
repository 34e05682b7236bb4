package controller

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

const (
	// What could not be done to an object is tried again after shortestPause, which doubles up to longestPause.
	minRetry, maxRetry = time.Second, time.Minute
	// finalizerTimeout bounds one try.
	finalizerTimeout = 10 * time.Second
)

// preWriteHook is what comes before the first write to the target of an object that is to be restored: the object stays when it is
// deleted, and the count that the target had is stored.
type preWriteHook struct {
	addFinalizer  func(ctx context.Context) error
	storeOriginal func(ctx context.Context, t actuator.Target, seen int32) error

	mu    sync.Mutex
	added bool
}

// ensureFinalizer makes the object stay, once.
func (h *preWriteHook) ensureFinalizer(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.added {
		return nil
	}
	if err := h.addFinalizer(ctx); err != nil {
		return fmt.Errorf("hold the object until its target is restored: %w", err)
	}
	h.added = true
	return nil
}

// guardedActuator is an actuator that writes nothing before the hold of an object has been taken.
type guardedActuator struct {
	autoscaler.Actuator

	hold *atomic.Pointer[preWriteHook]
}

// Set is the actuator's, after the hold.
func (a *guardedActuator) Set(ctx context.Context, t actuator.Target, seen actuator.Scale, n int32) (actuator.Scale, error) {
	if h := a.hold.Load(); h != nil {
		if err := h.ensureFinalizer(ctx); err != nil {
			return actuator.Scale{}, err
		}
		if err := h.storeOriginal(ctx, t, seen.Replicas); err != nil {
			return actuator.Scale{}, err
		}
	}
	return a.Actuator.Set(ctx, t, seen, n)
}

// finalizerSync makes the finalizer of an object what its spec says, however long that takes.
type finalizerSync struct {
	want   bool
	cancel context.CancelFunc
	done   chan struct{}
}

// ended reports whether it has been kept, or given up.
func (p *finalizerSync) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// syncFinalizer follows the option of an object: it is held from now on, or let go.
func (c *Controller) syncFinalizer(ctx context.Context, m *entry) {
	if c.options.Settings.DryRun {
		return // Nothing is written anywhere.
	}
	want, before := compile.Restores(m.so) && !m.so.Spec.DryRun, m.finalizerSync
	if !want {
		m.preWrite.Store(nil)
	} else if m.preWrite.Load() == nil {
		m.preWrite.Store(c.newPreWriteHook(m.so))
	}
	if c.options.Finalizers == nil || hasFinalizer(m.so) == want || before != nil && before.want == want && !before.ended() {
		return
	}
	if want {
		m.preWrite.Store(c.newPreWriteHook(m.so)) // An older one may have been taken, and the finalizer removed by hand since.
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &finalizerSync{want: want, cancel: cancel, done: make(chan struct{})}
	m.finalizerSync = p
	about, h := objectOf(m.so), m.preWrite.Load()
	c.all.Go(func() {
		defer close(p.done)
		defer cancel()
		if before != nil {
			before.cancel()
			<-before.done
		}
		c.retry(ctx, about, func(ctx context.Context) error {
			if want {
				return h.ensureFinalizer(ctx)
			}
			return c.options.Finalizers.RemoveFinalizer(ctx, about)
		})
	})
}

// newPreWriteHook is the hold of an object that has none.
func (c *Controller) newPreWriteHook(so *v1alpha1.ScaledObject) *preWriteHook {
	about := objectOf(so)
	h := &preWriteHook{
		addFinalizer: func(context.Context) error { return nil },
		storeOriginal: func(ctx context.Context, t actuator.Target, seen int32) error {
			return c.options.Reporter.StoreOriginal(ctx, about, t.String(), seen)
		},
	}
	if c.options.Finalizers != nil {
		h.addFinalizer = func(ctx context.Context) error { return c.options.Finalizers.AddFinalizer(ctx, about) }
	}
	return h
}

// retry does something until it succeeds or ctx is done, and says once why it does not.
func (c *Controller) retry(ctx context.Context, about status.Object, do func(context.Context) error) {
	for pause, said := minRetry, false; ; pause = min(2*pause, maxRetry) {
		trying, cancel := context.WithTimeout(ctx, finalizerTimeout)
		err := do(trying)
		cancel()
		if err == nil || ctx.Err() != nil {
			return
		}
		if !said {
			said = true
			c.options.Reporter.Event(about, true, "FinalizerFailed", err.Error()+"; it is tried again until it succeeds")
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

// hasFinalizer reports whether an object has our finalizer.
func hasFinalizer(so *v1alpha1.ScaledObject) bool { return slices.Contains(so.Finalizers, Finalizer) }

func objectOf(so *v1alpha1.ScaledObject) status.Object {
	return status.Object{Namespace: so.Namespace, Name: so.Name, UID: string(so.UID)}
}
