package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of this package.
const GroupName = "impulse.sh"

// GroupVersion returns the API group and version of this package.
func GroupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: GroupName, Version: "v1alpha1"}
}

// AddToScheme registers the types of this package.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion(),
		&ScaledObject{}, &ScaledObjectList{},
		&TriggerAuthentication{}, &TriggerAuthenticationList{},
		&ClusterTriggerAuthentication{}, &ClusterTriggerAuthenticationList{},
		&AlertSet{}, &AlertSetList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion())
	return nil
}

// AdoptFieldManager is the field manager of `impulse adopt`, and FromKEDALabel marks an object that `impulse run --watch-keda` keeps for one of
// KEDA's.
const (
	AdoptFieldManager = "impulse-adopt"
	FromKEDALabel     = "impulse.sh/from-keda"
)
