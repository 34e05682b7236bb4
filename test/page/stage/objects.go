package stage

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// Object returns an object of minimum to maximum replicas, one for each 100 of the level with its name, on the Deployment of that name.
func Object(namespace, name string, minimum, maximum int32, change ...func(*v1alpha1.ScaledObject)) *v1alpha1.ScaledObject {
	so := &v1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(namespace + "/" + name), Generation: 1, CreationTimestamp: metav1.Now(),
	}}
	so.Spec.ScaleTargetRef.Name = name
	so.Spec.MinReplicaCount, so.Spec.MaxReplicaCount = &minimum, &maximum
	so.Spec.Triggers = []v1alpha1.Trigger{{
		Type: "level", Name: "requests", Metadata: map[string]v1alpha1.Scalar{"level": v1alpha1.Scalar(namespace + "/" + name), "target": "100"},
	}}
	for _, f := range change {
		f(so)
	}
	compile.Default(so)
	return so
}

// Many returns n objects in ten namespaces.
func Many(n int) []*v1alpha1.ScaledObject {
	all := make([]*v1alpha1.ScaledObject, n)
	for i := range all {
		all[i] = Object(fmt.Sprintf("team-%d", i%10), fmt.Sprintf("service-%04d", i), 1, 20)
	}
	return all
}
