package kedawatch

import (
	"context"
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// transferAnnotation lets KEDA take over the HPA that spec.advanced.horizontalPodAutoscalerConfig.name names.
const transferAnnotation = "scaledobject.keda.sh/transfer-hpa-ownership"

var hpas = autoscalingv2.SchemeGroupVersion.WithResource("horizontalpodautoscalers")

// takeOver deletes the HPA that stands in the way of an object: the one that KEDA's operator has left, or the one whose ownership the
// object asks for. Impulse has decided by then, and scales as soon as the HPA is gone. Any other HPA stays, and scales.
func (r *run) takeOver(ctx context.Context, k key, original, kept *unstructured.Unstructured) error {
	able, _ := conditionOf(kept, v1alpha1.ConditionAbleToScale)
	observed, _, _ := unstructured.NestedInt64(kept.Object, "status", "observedGeneration")
	_, decided, _ := unstructured.NestedInt64(kept.Object, "status", "desiredReplicas")
	if k.kind != scaledObject || able.Reason != v1alpha1.ReasonForeignHPA || !decided || observed != kept.GetGeneration() {
		return nil
	}
	name, _, _ := unstructured.NestedString(original.Object, "spec", "advanced", "horizontalPodAutoscalerConfig", "name")
	transfer := original.GetAnnotations()[transferAnnotation] == "true"
	if name == "" {
		name = "keda-hpa-" + original.GetName()
	}
	client := r.client.Resource(hpas).Namespace(k.namespace)
	hpa, err := client.Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("read HPA %s: %w", name, err)
	}
	owner := metav1.GetControllerOf(hpa)
	left, handedOver := owner != nil && owner.UID == original.GetUID(), transfer && scalesTargetOf(hpa, original)
	if !left && !handedOver {
		return nil
	}
	uid, version := hpa.GetUID(), hpa.GetResourceVersion()
	err = r.write(ctx, func(ctx context.Context) error {
		return client.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}})
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete HPA %s, which scales the same target: %w", name, err)
	}
	r.events.event(original, false, "TookOver", "HPA "+name+" was deleted: Impulse scales its target now")
	return nil
}

// scalesTargetOf reports whether an HPA scales the target of a ScaledObject.
func scalesTargetOf(hpa, original *unstructured.Unstructured) bool {
	api, _, _ := unstructured.NestedString(hpa.Object, "spec", "scaleTargetRef", "apiVersion")
	kind, _, _ := unstructured.NestedString(hpa.Object, "spec", "scaleTargetRef", "kind")
	name, _, _ := unstructured.NestedString(hpa.Object, "spec", "scaleTargetRef", "name")
	target, _, _ := unstructured.NestedString(original.Object, "spec", "scaleTargetRef", "name")
	return name == target && api+"."+kind == targetKind(original)
}
