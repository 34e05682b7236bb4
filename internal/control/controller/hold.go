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
	shortestPause, longestPause = time.Second, time.Minute
	// keeperTimeout bounds one try.
	keeperTimeout = 10 * time.Second
)

// hold is what comes before the first write to the target of an object that is to be restored: the object stays when it is
// deleted, and the count that the target had is stored.
type hold struct {
	stay  func(ctx context.Context) error
	store func(ctx context.Context, t actuator.Target, seen int32) error

	mu   sync.Mutex
	held bool
}

// take makes the object stay, once.
func (h *hold) take(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held {
		return nil
	}
	if err := h.stay(ctx); err != nil {
		return fmt.Errorf("hold the object until its target is restored: %w", err)
	}
	h.held = true
	return nil
}

// careful is an actuator that writes nothing before the hold of an object has been taken.
type careful struct {
	autoscaler.Actuator

	hold *atomic.Pointer[hold]
}

// Set is the actuator's, after the hold.
func (a *careful) Set(ctx context.Context, t actuator.Target, seen actuator.Scale, n int32) (actuator.Scale, error) {
	if h := a.hold.Load(); h != nil {
		if err := h.take(ctx); err != nil {
			return actuator.Scale{}, err
		}
		if err := h.store(ctx, t, seen.Replicas); err != nil {
			return actuator.Scale{}, err
		}
	}
	return a.Actuator.Set(ctx, t, seen, n)
}

// pledge makes the finalizer of an object what its spec says, however long that takes.
type pledge struct {
	want   bool
	cancel context.CancelFunc
	done   chan struct{}
}

// over reports whether it has been kept, or given up.
func (p *pledge) over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// commit follows the option of an object: it is held from now on, or let go.
func (c *Controller) commit(ctx context.Context, m *member) {
	if c.options.Settings.DryRun {
		return // Nothing is written anywhere.
	}
	want, before := compile.Restores(m.so) && !m.so.Spec.DryRun, m.pledge
	if !want {
		m.hold.Store(nil)
	} else if m.hold.Load() == nil {
		m.hold.Store(c.holdOf(m.so))
	}
	if c.options.Keeper == nil || held(m.so) == want || before != nil && before.want == want && !before.over() {
		return
	}
	if want {
		m.hold.Store(c.holdOf(m.so)) // An older one may have been taken, and the finalizer removed by hand since.
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &pledge{want: want, cancel: cancel, done: make(chan struct{})}
	m.pledge = p
	about, h := objectOf(m.so), m.hold.Load()
	c.all.Go(func() {
		defer close(p.done)
		defer cancel()
		if before != nil {
			before.cancel()
			<-before.done
		}
		c.insist(ctx, about, func(ctx context.Context) error {
			if want {
				return h.take(ctx)
			}
			return c.options.Keeper.Release(ctx, about)
		})
	})
}

// holdOf is the hold of an object that has none.
func (c *Controller) holdOf(so *v1alpha1.ScaledObject) *hold {
	about := objectOf(so)
	h := &hold{
		stay: func(context.Context) error { return nil },
		store: func(ctx context.Context, t actuator.Target, seen int32) error {
			return c.options.Reporter.Keep(ctx, about, t.String(), seen)
		},
	}
	if c.options.Keeper != nil {
		h.stay = func(ctx context.Context) error { return c.options.Keeper.Hold(ctx, about) }
	}
	return h
}

// insist does something until it succeeds or ctx is done, and says once why it does not.
func (c *Controller) insist(ctx context.Context, about status.Object, do func(context.Context) error) {
	for pause, said := shortestPause, false; ; pause = min(2*pause, longestPause) {
		trying, cancel := context.WithTimeout(ctx, keeperTimeout)
		err := do(trying)
		cancel()
		if err == nil || ctx.Err() != nil {
			return
		}
		if !said {
			said = true
			c.options.Reporter.Note(about, true, "FinalizerFailed", err.Error()+"; it is tried again until it succeeds")
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

// held reports whether an object has our finalizer.
func held(so *v1alpha1.ScaledObject) bool { return slices.Contains(so.Finalizers, Finalizer) }

func objectOf(so *v1alpha1.ScaledObject) status.Object {
	return status.Object{Namespace: so.Namespace, Name: so.Name, UID: string(so.UID)}
}
