package controller

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// writeGuard allows writes to a target only while this process leads, and only after the object's preWriteHook has succeeded.
type writeGuard struct {
	target   actuator.Target
	leading  func(context.Context) (context.Context, context.CancelFunc, error)
	preWrite *atomic.Pointer[preWriteHook] // Nil, or a pointer to nil, if there is no hook.
}

// check is called before a write to a target that has count replicas. It returns a context for the write, which ends when this process stops
// leading, or why nothing may be written.
func (g *writeGuard) check(ctx context.Context, count int32) (context.Context, context.CancelFunc, error) {
	if g.preWrite != nil {
		if err := g.preWrite.Load().run(ctx, g.target, count); err != nil {
			return nil, nil, err
		}
	}
	return g.leading(ctx)
}

// preWriteHook runs before each write to the target of an object with restoreToOriginalReplicaCount: it makes sure that the object
// has the finalizer, and that the original count is stored in its status.
type preWriteHook struct {
	addFinalizer  func(ctx context.Context) error
	storeOriginal func(ctx context.Context, t actuator.Target, observed int32) error

	mu    sync.Mutex
	added bool
}

// ensureFinalizer adds the finalizer, unless it did so before.
func (h *preWriteHook) ensureFinalizer(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.added {
		return nil
	}
	if err := h.addFinalizer(ctx); err != nil {
		return fmt.Errorf("add the finalizer that keeps the object until its target is restored: %w", err)
	}
	h.added = true
	return nil
}

// run runs the hook before a write to a target that has count replicas. It does nothing if h is nil.
func (h *preWriteHook) run(ctx context.Context, t actuator.Target, count int32) error {
	if h == nil {
		return nil
	}
	if err := h.ensureFinalizer(ctx); err != nil {
		return err
	}
	return h.storeOriginal(ctx, t, count)
}

// newPreWriteHook returns the preWriteHook of an object.
func (c *Controller) newPreWriteHook(so *v1alpha1.ScaledObject) *preWriteHook {
	object := objectOf(so)
	h := &preWriteHook{
		addFinalizer: func(context.Context) error { return nil },
		storeOriginal: func(ctx context.Context, t actuator.Target, observed int32) error {
			return c.options.Reporter.StoreOriginal(ctx, object, t.String(), observed)
		},
	}
	if c.options.Finalizers != nil {
		h.addFinalizer = func(ctx context.Context) error { return c.options.Finalizers.AddFinalizer(ctx, object) }
	}
	return h
}
