// Package v1alpha1 is what users write: ScaledObject, with KEDA's field names, TriggerAuthentication and its cluster-wide
// kind; and AlertSet, in which Impulse keeps the alerts it was told.
//
// +kubebuilder:object:generate=true
// +groupName=impulse.sh
package v1alpha1
