package kedawatch

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// kedaFinalizer is the finalizer that KEDA adds to its objects. Without KEDA nobody else removes it.
const kedaFinalizer = "finalizer.keda.sh"

// reconcile makes the object of Impulse, and the status of the original, what the original asks for.
func (r *run) reconcile(ctx context.Context, k key) error {
	original, kept := find(r.originals[k.kind], k), find(r.kept[k.kind], k)
	if original == nil {
		r.forget(k)
		return nil // The API server deletes what it owned.
	}
	if r.operator.mayRun() {
		return nil
	}
	if original.GetDeletionTimestamp() != nil {
		return r.finalize(ctx, k, original, kept)
	}
	switch {
	case kept == nil:
	case !ownedByKEDA(kept, k.kind):
		return r.report(ctx, k, original, nil, refusal{
			reason:  "NameInUse",
			message: fmt.Sprintf("%s.%s %s was not made from this object, and stays as it is; rename or delete one of the two", resources[k.kind], ourGroup, k.name),
		})
	case kept.GetDeletionTimestamp() != nil, ownerOf(kept) != original.GetUID():
		return r.report(ctx, k, original, nil, refusal{reason: "Deleting", message: "the " + resources[k.kind] + "." + ourGroup + " of an earlier version is being deleted"})
	}
	c := r.convert(original)
	if c.refused != "" {
		return r.report(ctx, k, original, kept, refusal{reason: "InvalidSpec", message: c.refused, older: kept != nil})
	}
	if kept == nil || !upToDate(kept, c.object) {
		applied, err := r.apply(ctx, k, c.object)
		if err != nil {
			if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
				return r.report(ctx, k, original, kept, refusal{reason: "InvalidSpec", message: err.Error(), older: kept != nil})
			}
			return err
		}
		if r.isNew(r.noted, k, fmt.Sprint(original.GetUID(), original.GetGeneration(), c.notes)) {
			r.events.notes(original, c.notes)
		}
		kept = applied
	}
	if err := r.takeOver(ctx, k, original, kept); err != nil {
		return err
	}
	return r.report(ctx, k, original, kept, refusal{})
}

// apply writes an object of Impulse.
func (r *run) apply(ctx context.Context, k key, object *unstructured.Unstructured) (applied *unstructured.Unstructured, err error) {
	err = r.write(ctx, func(ctx context.Context) error {
		applied, err = r.of(k, ourGroup).Apply(ctx, k.name, object, metav1.ApplyOptions{FieldManager: Manager, Force: true})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("apply %s.%s %s: %w", resources[k.kind], ourGroup, k.storeKey(), err)
	}
	return applied, nil
}

// finalize does what KEDA's operator does for an object that is being deleted: its target gets the original count back, if the object says
// so, and then KEDA's finalizer is removed. Without that finalizer the API server deletes both.
func (r *run) finalize(ctx context.Context, k key, original, kept *unstructured.Unstructured) error {
	finalizers := original.GetFinalizers()
	switch {
	case !slices.Contains(finalizers, kedaFinalizer):
		return nil
	case slices.Contains(finalizers, metav1.FinalizerOrphanDependents):
		return nil // What the original owns is to stay: the API server first removes the reference to the owner.
	case kept != nil && ownerOf(kept) == original.GetUID():
		if kept.GetDeletionTimestamp() != nil {
			return nil // The finalizer of Impulse is removed when the count is restored.
		}
		return r.remove(ctx, k, kept)
	}
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": original.GetUID()},
		{"op": "test", "path": "/metadata/finalizers", "value": finalizers},
		{
			"op": "replace", "path": "/metadata/finalizers",
			"value": slices.DeleteFunc(slices.Clone(finalizers), func(f string) bool { return f == kedaFinalizer }),
		},
	})
	if err != nil {
		return fmt.Errorf("encode the finalizers: %w", err)
	}
	err = r.write(ctx, func(ctx context.Context) error {
		_, err := r.of(k, kedaGroup).Patch(ctx, k.name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: Manager})
		return err
	})
	if err == nil || apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("remove KEDA's finalizer: %w", err)
}

// remove deletes an object of Impulse that was made from one of KEDA's.
func (r *run) remove(ctx context.Context, k key, kept *unstructured.Unstructured) error {
	uid := kept.GetUID()
	err := r.write(ctx, func(ctx context.Context) error {
		return r.of(k, ourGroup).Delete(ctx, k.name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	})
	if err == nil || apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("delete %s.%s %s: %w", resources[k.kind], ourGroup, k.storeKey(), err)
}

// ownedByKEDA reports whether an object of Impulse was made from one of KEDA's.
func ownedByKEDA(kept *unstructured.Unstructured, kind string) bool {
	owner := metav1.GetControllerOf(kept)
	return owner != nil && strings.HasPrefix(owner.APIVersion, kedaGroup+"/") && owner.Kind == kind && owner.Name == kept.GetName()
}

// ownerOf returns the UID of the original of an object that was made from one.
func ownerOf(kept *unstructured.Unstructured) types.UID {
	if owner := metav1.GetControllerOf(kept); owner != nil {
		return owner.UID
	}
	return ""
}
