package objects

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Original returns the annotations of KEDA's object that an object was made from. derived is false if the object was not made from one, or if
// that is gone: one that was deleted without its dependents leaves an object of the user's own.
func (c *Client) Original(ctx context.Context, so *v1alpha1.ScaledObject) (annotations map[string]string, derived bool, err error) {
	owner := metav1.GetControllerOf(so)
	if so.Labels[v1alpha1.FromKEDALabel] != "true" || owner == nil || !strings.HasPrefix(owner.APIVersion, "keda.sh/") {
		return nil, false, nil
	}
	raw, err := c.rest.Get().AbsPath("/apis", owner.APIVersion, "namespaces", so.Namespace, resource, owner.Name).Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, true, fmt.Errorf("read KEDA's ScaledObject %s/%s: %w", so.Namespace, owner.Name, err)
	}
	var original metav1.PartialObjectMetadata
	if err := json.Unmarshal(raw, &original); err != nil {
		return nil, true, fmt.Errorf("decode KEDA's ScaledObject %s/%s: %w", so.Namespace, owner.Name, err)
	}
	return original.Annotations, true, nil
}
