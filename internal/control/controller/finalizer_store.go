package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/status"
)

// Finalizer keeps a deleted object until its target has its original count back.
const Finalizer = "impulse.sh/restore"

// FinalizerStore adds and removes Impulse's finalizer. Cluster implements it.
type FinalizerStore interface {
	// AddFinalizer adds the finalizer, unless the object has it or no longer exists.
	AddFinalizer(ctx context.Context, o status.Object) error
	// RemoveFinalizer removes the finalizer, unless the object does not have it or no longer exists.
	RemoveFinalizer(ctx context.Context, o status.Object) error
}

// AddFinalizer implements FinalizerStore.
func (k *Cluster) AddFinalizer(ctx context.Context, o status.Object) error {
	return k.patchFinalizers(ctx, o, func(all []string) []string {
		if slices.Contains(all, Finalizer) {
			return all
		}
		return append(slices.Clone(all), Finalizer)
	})
}

// RemoveFinalizer implements FinalizerStore.
func (k *Cluster) RemoveFinalizer(ctx context.Context, o status.Object) error {
	return k.patchFinalizers(ctx, o, func(all []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(f string) bool { return f == Finalizer })
	})
}

// patchFinalizers changes the finalizers of an object, provided that no other client changes the object meanwhile.
func (k *Cluster) patchFinalizers(ctx context.Context, o status.Object, change func([]string) []string) error {
	so := &v1alpha1.ScaledObject{}
	err := k.client.Get().Namespace(o.Namespace).Resource(resource).Name(o.Name).Do(ctx).Into(so)
	if apierrors.IsNotFound(err) || err == nil && string(so.UID) != o.UID {
		return nil // The object is gone; another one may have its name.
	}
	if err != nil {
		return fmt.Errorf("read the finalizers: %w", err)
	}
	after := change(so.Finalizers)
	if len(after) == len(so.Finalizers) {
		return nil
	}
	var before any // A JSON Patch test of a missing list expects null.
	if len(so.Finalizers) > 0 {
		before = so.Finalizers
	}
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": o.UID},
		{"op": "test", "path": "/metadata/finalizers", "value": before},
		{"op": "add", "path": "/metadata/finalizers", "value": after},
	})
	if err != nil {
		return fmt.Errorf("encode the finalizers: %w", err)
	}
	err = k.client.Patch(types.JSONPatchType).Namespace(o.Namespace).Resource(resource).Name(o.Name).Body(patch).Do(ctx).Error()
	if err == nil || apierrors.IsNotFound(err) && k.replaced(ctx, o) {
		return nil
	}
	return fmt.Errorf("write the finalizers: %w", err)
}
