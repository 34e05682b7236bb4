package controller

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
)

// guardedActuator writes only while this process leads, and only after the object's preWriteHook has succeeded.
type guardedActuator struct {
	autoscaler.Actuator

	whileLeading func(ctx context.Context, write func(context.Context) error) error
	preWrite     *atomic.Pointer[preWriteHook] // Nil, or a pointer to nil, if there is no hook.
}

// Set implements autoscaler.Actuator.
func (a *guardedActuator) Set(ctx context.Context, t actuator.Target, observed actuator.Scale, n int32) (set actuator.Scale, err error) {
	if a.preWrite != nil {
		if err := a.preWrite.Load().run(ctx, t, observed.Replicas); err != nil {
			return actuator.Scale{}, err
		}
	}
	err = a.whileLeading(ctx, func(ctx context.Context) error {
		set, err = a.Actuator.Set(ctx, t, observed, n)
		return err
	})
	return set, err
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
