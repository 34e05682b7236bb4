package objects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// ErrChanged is returned if somebody else changed the spec or the annotations of an object at the same time.
var ErrChanged = errors.New("somebody else changed it at the same time: look at it, and run the command again")

// fieldManager is the name of the commands in the managed fields of an object.
const fieldManager = "impulse-cli"

// maxAttempts bounds the attempts of Update. A status that Impulse writes meanwhile fails an attempt, too.
const maxAttempts = 10

// Edit is a change of an object.
type Edit struct {
	// Annotations are to be set, or removed if the value is nil.
	Annotations map[string]*string
	// DryRun is the new spec.dryRun; nil leaves it as it is.
	DryRun *bool
}

// Apply returns the object after the edit.
func (e Edit) Apply(so *v1alpha1.ScaledObject) *v1alpha1.ScaledObject {
	so = so.DeepCopy()
	if so.Annotations == nil {
		so.Annotations = map[string]string{}
	}
	for key, value := range e.Annotations {
		if value == nil {
			delete(so.Annotations, key)
		} else {
			so.Annotations[key] = *value
		}
	}
	if e.DryRun != nil {
		so.Spec.DryRun = *e.DryRun
	}
	return so
}

// Changes reports whether the edit changes an object.
func (e Edit) Changes(so *v1alpha1.ScaledObject) bool { return !sameSettings(so, e.Apply(so)) }

// sameSettings reports whether two versions of an object differ in nothing that a user sets.
func sameSettings(a, b *v1alpha1.ScaledObject) bool {
	return maps.Equal(a.Annotations, b.Annotations) && apiequality.Semantic.DeepEqual(a.Spec, b.Spec)
}

// patch returns the edit as a merge patch for one version of an object.
func (e Edit) patch(so *v1alpha1.ScaledObject) ([]byte, error) {
	metadata := map[string]any{"uid": so.UID, "resourceVersion": so.ResourceVersion}
	if len(e.Annotations) > 0 {
		metadata["annotations"] = e.Annotations
	}
	patch := map[string]any{"metadata": metadata}
	if e.DryRun != nil {
		on := any(true)
		if !*e.DryRun {
			on = nil // It removes the field.
		}
		patch["spec"] = map[string]any{"dryRun": on}
	}
	return json.Marshal(patch)
}

// Update edits an object, and reports whether that changes it. dryRun has the server check the change without storing it. Update returns
// ErrChanged if somebody else changes the object meanwhile; a status that is written meanwhile does no harm.
func (c *Client) Update(ctx context.Context, so *v1alpha1.ScaledObject, e Edit, dryRun bool) (changed bool, err error) {
	if !e.Changes(so) {
		return false, nil
	}
	newest := so
	for range maxAttempts {
		patch, err := e.patch(newest)
		if err != nil {
			return false, fmt.Errorf("encode the change: %w", err)
		}
		r := c.rest.Patch(types.MergePatchType).Namespace(so.Namespace).Resource(resource).Name(so.Name).Param("fieldManager", fieldManager)
		if dryRun {
			r = r.Param("dryRun", "All")
		}
		err = r.Body(patch).Do(ctx).Error()
		switch {
		case err == nil:
			return true, nil
		case apierrors.IsNotFound(err) && !noCRD(err):
			return false, c.missing(ctx, so.Namespace, so.Name)
		case !apierrors.IsConflict(err):
			return false, fmt.Errorf("change ScaledObject %s/%s: %w", so.Namespace, so.Name, c.explain(err, "patch", so.Namespace))
		}
		if newest, err = c.Get(ctx, so.Namespace, so.Name); err != nil {
			return false, err
		}
		if newest.UID != so.UID || !sameSettings(so, newest) {
			break
		}
	}
	return false, fmt.Errorf("change ScaledObject %s/%s: %w", so.Namespace, so.Name, ErrChanged)
}
