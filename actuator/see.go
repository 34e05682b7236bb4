package actuator

import (
	"math"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// see reads the Scale of a target from a watched object; p says where a custom resource keeps it.
func see(obj any, p paths) sight {
	switch o := obj.(type) {
	case *appsv1.Deployment:
		return of(o, o.Spec.Replicas, selector(o.Spec.Selector))
	case *appsv1.ReplicaSet:
		return of(o, o.Spec.Replicas, selector(o.Spec.Selector))
	case *appsv1.StatefulSet:
		return of(o, o.Spec.Replicas, selector(o.Spec.Selector))
	case *corev1.ReplicationController:
		return of(o, o.Spec.Replicas, labels.SelectorFromSet(o.Spec.Selector).String())
	case *unstructured.Unstructured:
		return seeCustom(o, p)
	case *metav1.PartialObjectMetadata:
		return of(o, nil, "")
	}
	return sight{}
}

// seeCustom reads the Scale of a custom resource.
func seeCustom(o *unstructured.Unstructured, p paths) sight {
	var which string
	if len(p.selector) > 0 {
		// What is not text selects nothing; the API server says the same.
		which, _, _ = unstructured.NestedString(o.Object, p.selector...)
	}
	n, ok, err := unstructured.NestedInt64(o.Object, p.count...)
	if err != nil || !ok || n < 0 || n > math.MaxInt32 {
		return of(o, nil, which)
	}
	replicas := int32(n)
	return of(o, &replicas, which)
}

func of(o metav1.Object, replicas *int32, selector string) sight {
	s := sight{scale: Scale{UID: o.GetUID(), ResourceVersion: o.GetResourceVersion(), Selector: selector}}
	if replicas != nil {
		s.scale.Replicas, s.counted = *replicas, true
	}
	return s
}

// selector writes a selector the way the Scale subresource does; "" when it is not a valid one.
func selector(s *metav1.LabelSelector) string {
	parsed, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return ""
	}
	return parsed.String()
}
