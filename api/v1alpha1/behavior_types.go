package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// Behavior has the fields of the behavior of autoscaling/v2, with the same meaning.
type Behavior struct {
	// ScaleUp are the rules for raising the count. Default: no window, no limit.
	// +optional
	ScaleUp *ScalingRules `json:"scaleUp,omitempty"`
	// ScaleDown are the rules for lowering the count. Default: a window of cooldownPeriod, no limit.
	// +optional
	ScaleDown *ScalingRules `json:"scaleDown,omitempty"`
}

// ScalingRules are the rules for one direction.
type ScalingRules struct {
	// StabilizationWindowSeconds is the length of the stabilization window, in seconds. Default: 0 for scaleUp, and cooldownPeriod
	// for scaleDown.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3600
	// +optional
	StabilizationWindowSeconds *int32 `json:"stabilizationWindowSeconds,omitempty"`
	// SelectPolicy selects the policy that applies: Max, the one that allows the largest change; Min, the one that allows the
	// smallest; or Disabled, which forbids any change in this direction. Default: Max.
	// +kubebuilder:validation:Enum=Max;Min;Disabled
	// +optional
	SelectPolicy *string `json:"selectPolicy,omitempty"`
	// Policies limit the change within a period. Default: no limit.
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Policies []ScalingPolicy `json:"policies,omitempty"`
	// Tolerance is the ratio by which a level may differ from its target without a change of the count. Default: 0.1.
	// +optional
	Tolerance *resource.Quantity `json:"tolerance,omitempty"`
}

// ScalingPolicy limits the change within a period.
type ScalingPolicy struct {
	// Type is the unit of value: Pods, or Percent of the count at the start of the period.
	// +kubebuilder:validation:Enum=Pods;Percent
	Type string `json:"type"`
	// Value is the largest change within the period.
	// +kubebuilder:validation:Minimum=1
	Value int32 `json:"value"`
	// PeriodSeconds is the length of the period, in seconds.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1800
	PeriodSeconds int32 `json:"periodSeconds"`
}
