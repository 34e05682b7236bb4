package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// Behavior is autoscaling/v2's, field by field.
type Behavior struct {
	// ScaleUp are the rules of the way up. Default: no window, no limit.
	// +optional
	ScaleUp *ScalingRules `json:"scaleUp,omitempty"`
	// ScaleDown are the rules of the way down. Default: a window of cooldownPeriod, no limit.
	// +optional
	ScaleDown *ScalingRules `json:"scaleDown,omitempty"`
}

// ScalingRules are those of one direction.
type ScalingRules struct {
	// StabilizationWindowSeconds defaults to 0 on the way up and to cooldownPeriod on the way down.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3600
	// +optional
	StabilizationWindowSeconds *int32 `json:"stabilizationWindowSeconds,omitempty"`
	// SelectPolicy says which policy counts: Max, the one that allows the most change, Min, or Disabled, which forbids the
	// direction. Default: Max.
	// +kubebuilder:validation:Enum=Max;Min;Disabled
	// +optional
	SelectPolicy *string `json:"selectPolicy,omitempty"`
	// Policies limit the change within a period; without any there is no limit.
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Policies []ScalingPolicy `json:"policies,omitempty"`
	// Tolerance is the relative distance from the target within which nothing changes; 0.1 when left out.
	// +optional
	Tolerance *resource.Quantity `json:"tolerance,omitempty"`
}

// ScalingPolicy limits the change within a period.
type ScalingPolicy struct {
	// Type is Pods, a number of replicas, or Percent, a share of the count at the beginning of the period.
	// +kubebuilder:validation:Enum=Pods;Percent
	Type string `json:"type"`
	// Value is how many replicas, or how many percent, the count may change by within the period.
	// +kubebuilder:validation:Minimum=1
	Value int32 `json:"value"`
	// PeriodSeconds is the length of the period, in seconds.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1800
	PeriodSeconds int32 `json:"periodSeconds"`
}
