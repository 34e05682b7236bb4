package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ScaledObject defines the workload that is scaled, the bounds of its replica count, and the triggers that determine the count.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=so,categories=impulse
// +kubebuilder:printcolumn:name="Reference",type=string,JSONPath=`.status.reference`
// +kubebuilder:printcolumn:name="Targets",type=string,JSONPath=`.status.targets`
// +kubebuilder:printcolumn:name="Min",type=integer,JSONPath=`.spec.minReplicaCount`
// +kubebuilder:printcolumn:name="Max",type=integer,JSONPath=`.spec.maxReplicaCount`
// +kubebuilder:printcolumn:name="Replicas",type=integer,JSONPath=`.status.replicas`
// +kubebuilder:printcolumn:name="Desired",type=integer,JSONPath=`.status.desiredReplicas`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Active",type=string,JSONPath=`.status.conditions[?(@.type=="Active")].status`
// +kubebuilder:printcolumn:name="Paused",type=string,JSONPath=`.status.conditions[?(@.type=="Paused")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.reason`
// +kubebuilder:printcolumn:name="Shadow",type=integer,JSONPath=`.status.shadow.replicas`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ScaledObject struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ScaledObjectSpec `json:"spec"`
	// +optional
	Status ScaledObjectStatus `json:"status,omitempty"`
}

// ScaledObjectSpec is the desired scaling of a workload.
//
// +kubebuilder:validation:XValidation:rule="self.minReplicaCount <= self.maxReplicaCount",message="minReplicaCount must not be above maxReplicaCount"
// +kubebuilder:validation:XValidation:rule="!has(self.idleReplicaCount) || self.idleReplicaCount == 0 || self.idleReplicaCount < self.minReplicaCount",message="idleReplicaCount must be 0 or below minReplicaCount"
// +kubebuilder:validation:XValidation:rule="self.triggers.all(t, !has(t.name) || size(t.name) == 0 || self.triggers.exists_one(u, has(u.name) && u.name == t.name))",message="trigger names must be unique"
// +kubebuilder:validation:XValidation:rule="self.minReplicaCount > 0 || self.triggers.exists(t, !(t.type in ['cpu', 'memory', 'kubernetes-pods']))",message="minReplicaCount must be above 0: cpu, memory and kubernetes-pods cannot activate a workload that has no pods",fieldPath=".minReplicaCount"
// +kubebuilder:validation:XValidation:rule="!has(self.fallback) || !has(self.fallback.behavior) || self.fallback.behavior != 'scalingModifiers' || has(self.advanced) && has(self.advanced.scalingModifiers)",message="fallback.behavior scalingModifiers needs advanced.scalingModifiers"
// +kubebuilder:validation:XValidation:rule="!has(self.advanced) || !has(self.advanced.scalingModifiers) || self.triggers.all(t, t.type in ['cpu', 'memory', 'kubernetes-pods'] || (!has(t.min) || t.min == 0) && !has(t.max) && (!has(t.cap) || !t.cap))",message="triggers that are inputs of scalingModifiers have no min, max and cap"
type ScaledObjectSpec struct {
	// ScaleTargetRef is the workload. Its kind must have a scale subresource.
	ScaleTargetRef ScaleTargetRef `json:"scaleTargetRef"`
	// PollingInterval is the time between two readings of a polled trigger, in seconds. Default: 30.
	// +kubebuilder:default=30
	// +kubebuilder:validation:Minimum=1
	// +optional
	PollingInterval *int32 `json:"pollingInterval,omitempty"`
	// CooldownPeriod is the time from the last activity until the workload becomes idle, and the default scale-down window, in
	// seconds. Default: 300.
	// +kubebuilder:default=300
	// +kubebuilder:validation:Minimum=0
	// +optional
	CooldownPeriod *int32 `json:"cooldownPeriod,omitempty"`
	// InitialCooldownPeriod is the cooldown of a workload that was never active, from the creation of this object, in seconds. Default: 0.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +optional
	InitialCooldownPeriod *int32 `json:"initialCooldownPeriod,omitempty"`
	// IdleReplicaCount is the count while no trigger is active; it must be 0 or below minReplicaCount. Default: the workload becomes idle
	// only if minReplicaCount is 0, with 0 replicas.
	// +kubebuilder:validation:Minimum=0
	// +optional
	IdleReplicaCount *int32 `json:"idleReplicaCount,omitempty"`
	// MinReplicaCount is the minimum count while a trigger is active. With 0, the workload has 0 replicas while none is. Default: 0.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +optional
	MinReplicaCount *int32 `json:"minReplicaCount,omitempty"`
	// MaxReplicaCount is the maximum count. Default: 100.
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=1
	// +optional
	MaxReplicaCount *int32 `json:"maxReplicaCount,omitempty"`
	// DryRun decides and reports, but writes no counts. Default: false.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`
	// Shadow is a policy that is evaluated in addition to this one, as if its counts were written, and reported in status.shadow.
	// +optional
	Shadow *Shadow `json:"shadow,omitempty"`
	// Advanced has settings that most objects do not need.
	// +optional
	Advanced *Advanced `json:"advanced,omitempty"`
	// Fallback determines what a trigger asks for after its source has failed several times. Default: the count is not lowered.
	// +optional
	Fallback *Fallback `json:"fallback,omitempty"`
	// Triggers are the sources of levels. The one that asks for the most replicas determines the count.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Triggers []Trigger `json:"triggers"`
}

// Shadow is a policy to try. Fields that it does not set have the values of the live policy; its triggers replace all live triggers.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minReplicaCount) || !has(self.maxReplicaCount) || self.minReplicaCount <= self.maxReplicaCount",message="minReplicaCount must not be above maxReplicaCount"
// +kubebuilder:validation:XValidation:rule="!has(self.idleReplicaCount) || self.idleReplicaCount == 0 || !has(self.minReplicaCount) || self.idleReplicaCount < self.minReplicaCount",message="idleReplicaCount must be 0 or below minReplicaCount"
// +kubebuilder:validation:XValidation:rule="!has(self.triggers) || self.triggers.all(t, !has(t.name) || size(t.name) == 0 || self.triggers.exists_one(u, has(u.name) && u.name == t.name))",message="trigger names must be unique"
type Shadow struct {
	// PollingInterval is the time between two readings of a polled trigger, in seconds. Default: that of the live policy.
	// +kubebuilder:validation:Minimum=1
	// +optional
	PollingInterval *int32 `json:"pollingInterval,omitempty"`
	// CooldownPeriod is the time from the last activity until the workload would become idle, in seconds. Default: that of the live
	// policy.
	// +kubebuilder:validation:Minimum=0
	// +optional
	CooldownPeriod *int32 `json:"cooldownPeriod,omitempty"`
	// InitialCooldownPeriod is the cooldown of a workload that has never been active, in seconds. Default: that of the live policy.
	// +kubebuilder:validation:Minimum=0
	// +optional
	InitialCooldownPeriod *int32 `json:"initialCooldownPeriod,omitempty"`
	// IdleReplicaCount is the count while no trigger is active. Default: that of the live policy.
	// +kubebuilder:validation:Minimum=0
	// +optional
	IdleReplicaCount *int32 `json:"idleReplicaCount,omitempty"`
	// MinReplicaCount is the minimum count while a trigger is active. Default: that of the live policy.
	// +kubebuilder:validation:Minimum=0
	// +optional
	MinReplicaCount *int32 `json:"minReplicaCount,omitempty"`
	// MaxReplicaCount is the maximum count. Default: that of the live policy.
	// +kubebuilder:validation:Minimum=1
	// +optional
	MaxReplicaCount *int32 `json:"maxReplicaCount,omitempty"`
	// Advanced is like spec.advanced. Default: that of the live policy.
	// +optional
	Advanced *Advanced `json:"advanced,omitempty"`
	// Triggers is like spec.triggers; kubectl explain so.spec.triggers describes the types. Default: those of the live policy.
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Triggers []Trigger `json:"triggers,omitempty"`
}

// ScaleTargetRef identifies the workload, which is in the object's own namespace.
type ScaleTargetRef struct {
	// APIVersion is the group and version of the workload. Default: apps/v1.
	// +kubebuilder:default="apps/v1"
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`
	// Kind is the kind of the workload. Default: Deployment.
	// +kubebuilder:default=Deployment
	// +optional
	Kind string `json:"kind,omitempty"`
	// Name is the name of the workload.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// EnvSourceContainerName is the container whose environment variables are read for parameters that end in FromEnv, such as
	// passwordFromEnv. Default: the first container.
	// +optional
	EnvSourceContainerName string `json:"envSourceContainerName,omitempty"`
}

// Advanced has settings that most objects do not need.
type Advanced struct {
	// RestoreToOriginalReplicaCount restores, when the object is deleted, the count that the target had before it was first scaled.
	// A finalizer keeps the object until the count is restored. Default: false.
	// +optional
	RestoreToOriginalReplicaCount bool `json:"restoreToOriginalReplicaCount,omitempty"`
	// HorizontalPodAutoscalerConfig has the behavior, as in KEDA. Impulse creates no HorizontalPodAutoscaler.
	// +optional
	HorizontalPodAutoscalerConfig *HorizontalPodAutoscalerConfig `json:"horizontalPodAutoscalerConfig,omitempty"`
	// ScalingModifiers combines the triggers into one, by a formula.
	// +optional
	ScalingModifiers *ScalingModifiers `json:"scalingModifiers,omitempty"`
}

// HorizontalPodAutoscalerConfig has the behavior, as in KEDA. Impulse creates no HorizontalPodAutoscaler.
type HorizontalPodAutoscalerConfig struct {
	// Name is accepted for compatibility with KEDA and has no effect.
	// +optional
	Name string `json:"name,omitempty"`
	// Behavior has the stabilization windows, the rate limits and the tolerance.
	// +optional
	Behavior *Behavior `json:"behavior,omitempty"`
}

// ScalingModifiers is a formula over the levels of the triggers, by their names. Its result replaces the levels of all triggers but
// cpu, memory and kubernetes-pods.
//
// +kubebuilder:validation:XValidation:rule="has(self.formula) && size(self.formula) > 0 && has(self.target) && size(self.target) > 0",message="formula and target are required"
type ScalingModifiers struct {
	// Formula is an expression of expr-lang, such as (queue + requests) / 2. An unknown trigger is nil, as in (queue ?? 0).
	// +optional
	Formula string `json:"formula,omitempty"`
	// Target is the result of the formula that one replica should have, or with metricType Value, the workload.
	// +optional
	Target string `json:"target,omitempty"`
	// ActivationTarget is the result above which the object is active. Default: 0.
	// +optional
	ActivationTarget string `json:"activationTarget,omitempty"`
	// MetricType is AverageValue (the replicas share the level) or Value (the level belongs to the whole workload, and the count is
	// level / target × ready pods). Default: AverageValue.
	// +kubebuilder:validation:Enum=AverageValue;Value
	// +optional
	MetricType string `json:"metricType,omitempty"`
}

// Fallback determines what a trigger asks for after its source has failed several times.
type Fallback struct {
	// FailureThreshold: the fallback applies when more than this number of readings in a row have failed. If nothing is read for three
	// polling intervals after a failed reading, each further interval counts as one more failure. For a pushed trigger, each interval
	// after the failure counts as one more failure.
	// +kubebuilder:validation:Minimum=0
	FailureThreshold int32 `json:"failureThreshold"`
	// Replicas is the count that the trigger asks for then.
	// +kubebuilder:validation:Minimum=0
	Replicas int32 `json:"replicas"`
	// Behavior is static (use replicas), currentReplicas, currentReplicasIfHigher or currentReplicasIfLower (use the current count,
	// always or if it is higher or lower than replicas), or scalingModifiers (use the result of the formula, in which the trigger
	// is nil). Default: static.
	// +kubebuilder:validation:Enum=static;currentReplicas;currentReplicasIfHigher;currentReplicasIfLower;scalingModifiers
	// +optional
	Behavior string `json:"behavior,omitempty"`
}

// Trigger is one source of a level.
//
// +kubebuilder:validation:XValidation:rule="!has(self.min) || !has(self.max) || self.min <= self.max",message="min must not be above max",fieldPath=".min"
// +kubebuilder:validation:XValidation:rule="!has(self.metricType) || self.metricType != 'Utilization' || self.type in ['cpu', 'memory']",message="Utilization goes with cpu and memory only",fieldPath=".metricType"
type Trigger struct {
	// Type is the type of the trigger; kubectl explain so.spec.triggers lists all types.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Type string `json:"type"`
	// Name is the name of the trigger, unique within the object. Default: the type; if an earlier trigger has that name, cron-2 and so on.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Name string `json:"name,omitempty"`
	// Metadata has the parameters of the type: strings, numbers or booleans. kubectl explain so.spec.triggers lists all parameters.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Metadata map[string]Scalar `json:"metadata,omitempty"`
	// MetricType is AverageValue (the replicas share the level), Value (the level belongs to the whole workload, and the count is
	// level / target × ready pods) or, for cpu and memory only, Utilization (the usage of pods in percent of their requests). Default:
	// Utilization for cpu and memory, otherwise AverageValue.
	// +kubebuilder:validation:Enum=AverageValue;Value;Utilization
	// +optional
	MetricType string `json:"metricType,omitempty"`
	// AuthenticationRef refers to the credentials that the trigger uses.
	// +optional
	AuthenticationRef *AuthenticationRef `json:"authenticationRef,omitempty"`
	// Min is the minimum count that this trigger asks for.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Min *int32 `json:"min,omitempty"`
	// Max is the maximum count that this trigger asks for.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Max *int32 `json:"max,omitempty"`
	// Cap makes the trigger an upper bound for the others: it asks for no replicas, and the others get no more than it would ask
	// for. A schedule that is off and an alert that does not fire are no bound. A level of 0 still leaves minReplicaCount, and one
	// replica while a trigger is active. Default: false.
	// +optional
	Cap bool `json:"cap,omitempty"`
	// UseCachedMetrics uses the number of pods of kubernetes-workload once per pollingInterval, instead of each change at once. For other
	// types it has no effect: a reading is always kept until the next one.
	// +optional
	UseCachedMetrics bool `json:"useCachedMetrics,omitempty"`
}

// AuthenticationRef refers to the credentials of a trigger.
type AuthenticationRef struct {
	// Name is the name of the TriggerAuthentication or ClusterTriggerAuthentication.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// Kind is TriggerAuthentication or ClusterTriggerAuthentication. Default: TriggerAuthentication.
	// +kubebuilder:validation:Enum=TriggerAuthentication;ClusterTriggerAuthentication
	// +optional
	Kind string `json:"kind,omitempty"`
}

// ScaledObjectList is a list of ScaledObjects.
//
// +kubebuilder:object:root=true
type ScaledObjectList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScaledObject `json:"items"`
}
