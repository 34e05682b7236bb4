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

// FinalizerStore keeps deleted objects until their targets are restored. Cluster is one.
type FinalizerStore interface {
	// AddFinalizer makes an object stay when it is deleted. One that is held already is left as it is.
	AddFinalizer(ctx context.Context, o status.Object) error
	// RemoveFinalizer lets it go. One that is not there any more, or is not held, has been let go.
	RemoveFinalizer(ctx context.Context, o status.Object) error
}

// AddFinalizer puts our finalizer on an object.
func (k *Cluster) AddFinalizer(ctx context.Context, o status.Object) error {
	return k.patchFinalizers(ctx, o, func(all []string) []string {
		if slices.Contains(all, Finalizer) {
			return all
		}
		return append(slices.Clone(all), Finalizer)
	})
}

// RemoveFinalizer takes our finalizer off an object.
func (k *Cluster) RemoveFinalizer(ctx context.Context, o status.Object) error {
	return k.patchFinalizers(ctx, o, func(all []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(f string) bool { return f == Finalizer })
	})
}

// patchFinalizers changes an object's finalizers if they are still what they were; those of others are left alone.
func (k *Cluster) patchFinalizers(ctx context.Context, o status.Object, change func([]string) []string) error {
	so := &v1alpha1.ScaledObject{}
	err := k.client.Get().Namespace(o.Namespace).Resource(resource).Name(o.Name).Do(ctx).Into(so)
	if apierrors.IsNotFound(err) || err == nil && string(so.UID) != o.UID {
		return nil // It is gone, and who has its name is another one.
	}
	if err != nil {
		return fmt.Errorf("read the finalizers: %w", err)
	}
	after := change(so.Finalizers)
	if len(after) == len(so.Finalizers) {
		return nil
	}
	var before any // A list that is not there is null to a test.
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
