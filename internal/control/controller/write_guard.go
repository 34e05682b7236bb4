package controller

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// writeGuard allows writes to a target only while this process leads, and only after the object's preWriteHook has succeeded.
type writeGuard struct {
	target actuator.Target
	// leading returns a context that ends when this process stops leading, or an error if it does not lead.
	leading  func(context.Context) (context.Context, context.CancelFunc, error)
	preWrite *atomic.Pointer[preWriteHook] // Nil, or a pointer to nil, if there is no hook.
}

// check is called before a write to a target that has count replicas. It returns a context for the write, which ends when this process stops
// leading, or why nothing may be written. If this process does not lead by then, that is the reason, whatever the hook returned.
func (g *writeGuard) check(ctx context.Context, count int32) (context.Context, context.CancelFunc, error) {
	hookErr := g.runHook(ctx, count)
	// The Lease may have been renewed while the hook ran, so that the write has more time than the hook had.
	leading, done, err := g.leading(ctx)
	if err != nil {
		return nil, nil, err
	}
	if hookErr != nil {
		done()
		return nil, nil, hookErr
	}
	return leading, done, nil
}

// runHook runs the hook, if there is one, while this process leads: the hook writes, too.
func (g *writeGuard) runHook(ctx context.Context, count int32) error {
	if g.preWrite == nil {
		return nil
	}
	hook := g.preWrite.Load()
	if hook == nil {
		return nil
	}
	ctx, done, err := g.leading(ctx)
	if err != nil {
		return err
	}
	defer done()
	return hook.run(ctx, g.target, count)
}

// preWriteHook runs before each write to the target of an object with restoreToOriginalReplicaCount: it makes sure that the object
// has the finalizer, and that the original count is stored in its status.
type preWriteHook struct {
	addFinalizer  func(ctx context.Context) error
	storeOriginal func(ctx context.Context, t actuator.Target, observed int32) error

	// adding has room for one element, whose sender may add the finalizer and use added: it is a mutex for which a caller waits only
	// until its context is done.
	adding chan struct{}
	added  bool
}

// ensureFinalizer adds the finalizer, unless it did so before.
func (h *preWriteHook) ensureFinalizer(ctx context.Context) error {
	const what = "add the finalizer that keeps the object until its target is restored: %w"
	select {
	case h.adding <- struct{}{}:
		defer func() { <-h.adding }()
	case <-ctx.Done():
		return fmt.Errorf(what, ctx.Err())
	}
	if h.added {
		return nil
	}
	if err := h.addFinalizer(ctx); err != nil {
		return fmt.Errorf(what, err)
	}
	h.added = true
	return nil
}

// run runs the hook before a write to a target that has count replicas.
func (h *preWriteHook) run(ctx context.Context, t actuator.Target, count int32) error {
	if err := h.ensureFinalizer(ctx); err != nil {
		return err
	}
	return h.storeOriginal(ctx, t, count)
}

// newPreWriteHook returns the preWriteHook of an object.
func (c *Controller) newPreWriteHook(so *v1alpha1.ScaledObject) *preWriteHook {
	object := objectOf(so)
	h := &preWriteHook{
		adding:       make(chan struct{}, 1),
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
