// Package v1alpha1 holds the API types. Users write ScaledObjects, with KEDA's field names, TriggerAuthentications and
// ClusterTriggerAuthentications; Impulse stores alerts in AlertSets.
//
// +kubebuilder:object:generate=true
// +groupName=impulse.sh
package v1alpha1

//go:generate go run ./conditions . ../../docs/conditions.md
