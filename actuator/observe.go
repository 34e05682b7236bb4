package actuator

import (
	"math"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// observe returns the Scale of a target as a watched object shows it. p has the paths of the count and the selector in a custom resource.
func observe(obj any, p paths) observedScale {
	switch o := obj.(type) {
	case *appsv1.Deployment:
		return newObservedScale(o, o.Spec.Replicas, selector(o.Spec.Selector))
	case *appsv1.ReplicaSet:
		return newObservedScale(o, o.Spec.Replicas, selector(o.Spec.Selector))
	case *appsv1.StatefulSet:
		return newObservedScale(o, o.Spec.Replicas, selector(o.Spec.Selector))
	case *corev1.ReplicationController:
		return newObservedScale(o, o.Spec.Replicas, labels.SelectorFromSet(o.Spec.Selector).String())
	case *unstructured.Unstructured:
		return observeCustom(o, p)
	case *metav1.PartialObjectMetadata:
		return newObservedScale(o, nil, "")
	}
	return observedScale{}
}

// observeCustom returns the Scale of a custom resource.
func observeCustom(o *unstructured.Unstructured, p paths) observedScale {
	var which string
	if len(p.selector) > 0 {
		// A selector that is not a string selects nothing, as in the API server.
		which, _, _ = unstructured.NestedString(o.Object, p.selector...)
	}
	n, ok, err := unstructured.NestedInt64(o.Object, p.count...)
	if err != nil || !ok || n < 0 || n > math.MaxInt32 {
		return newObservedScale(o, nil, which)
	}
	replicas := int32(n)
	return newObservedScale(o, &replicas, which)
}

func newObservedScale(o metav1.Object, replicas *int32, selector string) observedScale {
	s := observedScale{scale: Scale{UID: o.GetUID(), ResourceVersion: o.GetResourceVersion(), Selector: selector}}
	if replicas != nil {
		s.scale.Replicas, s.hasCount = *replicas, true
	}
	return s
}

// selector formats a selector as the Scale subresource does; "" when it is invalid.
func selector(s *metav1.LabelSelector) string {
	parsed, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return ""
	}
	return parsed.String()
}
