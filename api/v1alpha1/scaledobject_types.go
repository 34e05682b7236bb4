package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ScaledObject says which workload is scaled, between which counts, and by which triggers.
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
// +kubebuilder:printcolumn:name="Would",type=integer,JSONPath=`.status.shadow.replicas`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ScaledObject struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ScaledObjectSpec `json:"spec"`
	// +optional
	Status ScaledObjectStatus `json:"status,omitempty"`
}

// ScaledObjectSpec is what the user wants.
//
// +kubebuilder:validation:XValidation:rule="self.minReplicaCount <= self.maxReplicaCount",message="minReplicaCount must not be above maxReplicaCount"
// +kubebuilder:validation:XValidation:rule="!has(self.idleReplicaCount) || self.idleReplicaCount == 0 || self.idleReplicaCount < self.minReplicaCount",message="idleReplicaCount must be 0 or below minReplicaCount"
// +kubebuilder:validation:XValidation:rule="self.triggers.all(t, !has(t.name) || size(t.name) == 0 || self.triggers.exists_one(u, has(u.name) && u.name == t.name))",message="trigger names must be unique"
type ScaledObjectSpec struct {
	// ScaleTargetRef is the workload: anything with a scale subresource.
	ScaleTargetRef ScaleTargetRef `json:"scaleTargetRef"`
	// PollingInterval is the time between reads of polled triggers, in seconds. Default: 30.
	// +kubebuilder:default=30
	// +kubebuilder:validation:Minimum=1
	// +optional
	PollingInterval *int32 `json:"pollingInterval,omitempty"`
	// CooldownPeriod is how long after the last activity the workload goes to rest, and the default of the scale-down
	// window, in seconds. Default: 300.
	// +kubebuilder:default=300
	// +kubebuilder:validation:Minimum=0
	// +optional
	CooldownPeriod *int32 `json:"cooldownPeriod,omitempty"`
	// InitialCooldownPeriod is the cooldown of a workload that has never been active, from its creation, in seconds. Default: 0.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +optional
	InitialCooldownPeriod *int32 `json:"initialCooldownPeriod,omitempty"`
	// IdleReplicaCount is the count while nothing is active; below minReplicaCount. Default: the workload rests only where
	// minReplicaCount is 0, at 0.
	// +kubebuilder:validation:Minimum=0
	// +optional
	IdleReplicaCount *int32 `json:"idleReplicaCount,omitempty"`
	// MinReplicaCount is the least count while something is active; 0 lets the workload rest at 0. Default: 0.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +optional
	MinReplicaCount *int32 `json:"minReplicaCount,omitempty"`
	// MaxReplicaCount is the greatest count. Default: 100.
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=1
	// +optional
	MaxReplicaCount *int32 `json:"maxReplicaCount,omitempty"`
	// DryRun decides and reports, and never writes: for a look at what would happen.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`
	// Shadow is a policy that is decided beside this one, as if its counts were written, and reported as what would be.
	// +optional
	Shadow *Shadow `json:"shadow,omitempty"`
	// +optional
	Advanced *Advanced `json:"advanced,omitempty"`
	// Fallback is what is to be while a source has failed for long; without it the count is kept.
	// +optional
	Fallback *Fallback `json:"fallback,omitempty"`
	// Triggers are the sources of events; the one that asks for most wins.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Triggers []Trigger `json:"triggers"`
}

// Shadow is a policy to be tried. What it does not say is as the live one has it; its triggers replace all of the live ones.
type Shadow struct {
	// PollingInterval is the time between reads of polled triggers, in seconds. Default: the live policy's.
	// +kubebuilder:validation:Minimum=1
	// +optional
	PollingInterval *int32 `json:"pollingInterval,omitempty"`
	// CooldownPeriod is how long after the last activity the workload would go to rest, in seconds. Default: the live policy's.
	// +kubebuilder:validation:Minimum=0
	// +optional
	CooldownPeriod *int32 `json:"cooldownPeriod,omitempty"`
	// InitialCooldownPeriod is the cooldown of a workload that has never been active, in seconds. Default: the live policy's.
	// +kubebuilder:validation:Minimum=0
	// +optional
	InitialCooldownPeriod *int32 `json:"initialCooldownPeriod,omitempty"`
	// IdleReplicaCount is the count while nothing is active. Default: the live policy's.
	// +kubebuilder:validation:Minimum=0
	// +optional
	IdleReplicaCount *int32 `json:"idleReplicaCount,omitempty"`
	// MinReplicaCount is the least count while something is active. Default: the live policy's.
	// +kubebuilder:validation:Minimum=0
	// +optional
	MinReplicaCount *int32 `json:"minReplicaCount,omitempty"`
	// MaxReplicaCount is the greatest count. Default: the live policy's.
	// +kubebuilder:validation:Minimum=1
	// +optional
	MaxReplicaCount *int32 `json:"maxReplicaCount,omitempty"`
	// Advanced is what spec.advanced is. Default: the live policy's.
	// +optional
	Advanced *Advanced `json:"advanced,omitempty"`
	// Triggers are what spec.triggers are; kubectl explain so.spec.triggers names their types. Default: the live policy's.
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Triggers []Trigger `json:"triggers,omitempty"`
}

// ScaleTargetRef names the workload, in the object's own namespace.
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
	// EnvSourceContainerName is accepted for KEDA's sake; no trigger reads the workload's environment.
	// +optional
	EnvSourceContainerName string `json:"envSourceContainerName,omitempty"`
}

// Advanced holds what most users never set.
type Advanced struct {
	// RestoreToOriginalReplicaCount gives the target the count back that it had before it was first scaled, when the object is
	// deleted. A finalizer keeps the object until that is done.
	// +optional
	RestoreToOriginalReplicaCount bool `json:"restoreToOriginalReplicaCount,omitempty"`
	// +optional
	HorizontalPodAutoscalerConfig *HorizontalPodAutoscalerConfig `json:"horizontalPodAutoscalerConfig,omitempty"`
	// ScalingModifiers is a formula that makes one trigger of all.
	// +optional
	ScalingModifiers *ScalingModifiers `json:"scalingModifiers,omitempty"`
}

// HorizontalPodAutoscalerConfig is where KEDA has the behavior. There is no HPA behind a ScaledObject.
type HorizontalPodAutoscalerConfig struct {
	// Name is accepted for KEDA's sake and means nothing here.
	// +optional
	Name string `json:"name,omitempty"`
	// +optional
	Behavior *Behavior `json:"behavior,omitempty"`
}

// ScalingModifiers is a formula over the levels of the triggers, by their names, whose result is the only level that counts
// beside those of cpu and memory.
type ScalingModifiers struct {
	// Formula is an expression of expr-lang: (queue + requests) / 2. A trigger that is unknown is nil: (queue ?? 0).
	// +optional
	Formula string `json:"formula,omitempty"`
	// Target is the level of the formula that one replica is meant to have.
	// +optional
	Target string `json:"target,omitempty"`
	// ActivationTarget is the level above which the object is active. Default: 0.
	// +optional
	ActivationTarget string `json:"activationTarget,omitempty"`
	// MetricType is AverageValue (the level is shared by the replicas) or Value (the level is that of each ready pod). Default:
	// AverageValue.
	// +kubebuilder:validation:Enum=AverageValue;Value
	// +optional
	MetricType string `json:"metricType,omitempty"`
}

// Fallback is the user's own answer to a source that has failed for long.
type Fallback struct {
	// FailureThreshold is how many readings in a row may fail. A failure after which nothing is read for three polling
	// intervals counts again, once each interval.
	// +kubebuilder:validation:Minimum=0
	FailureThreshold int32 `json:"failureThreshold"`
	// Replicas is what a trigger asks for when more have failed.
	// +kubebuilder:validation:Minimum=0
	Replicas int32 `json:"replicas"`
	// Behavior says which count is taken instead of Replicas: the current one, always or when it is higher or lower; or
	// that of the formula of scalingModifiers, which sees the trigger as missing.
	// +kubebuilder:validation:Enum=static;currentReplicas;currentReplicasIfHigher;currentReplicasIfLower;scalingModifiers
	// +optional
	Behavior string `json:"behavior,omitempty"`
}

// Trigger is one source of events.
type Trigger struct {
	// Type is the kind of trigger; kubectl explain so.spec.triggers names all.
	// +kubebuilder:validation:MinLength=1
	Type string `json:"type"`
	// Name is unique within the object; it defaults to the type.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Name string `json:"name,omitempty"`
	// Metadata are the parameters of the type: strings, numbers or booleans. kubectl explain so.spec.triggers names all.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Metadata map[string]Scalar `json:"metadata,omitempty"`
	// MetricType is AverageValue (the level is shared by the replicas), Value (the level is that of each ready pod) or, of cpu and
	// memory, Utilization (percent of what pods request). Default: Utilization for cpu and memory, else AverageValue.
	// +kubebuilder:validation:Enum=AverageValue;Value;Utilization
	// +optional
	MetricType string `json:"metricType,omitempty"`
	// AuthenticationRef names the credentials that the trigger is read with.
	// +optional
	AuthenticationRef *AuthenticationRef `json:"authenticationRef,omitempty"`
	// Min is the least that this trigger asks for.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Min *int32 `json:"min,omitempty"`
	// Max is the most that this trigger asks for: it raises the workload up to there and no further.
	// +kubebuilder:validation:Minimum=1
	// +optional
	Max *int32 `json:"max,omitempty"`
	// Cap: the trigger asks for nothing; the others get no more than it would ask for. A schedule that is off caps nothing, nor
	// does an alert that does not fire; a level of 0 leaves minReplicaCount, and at least one replica while something is active.
	// +optional
	Cap bool `json:"cap,omitempty"`
	// UseCachedMetrics is accepted for KEDA's sake: a reading is always kept until the next.
	// +optional
	UseCachedMetrics bool `json:"useCachedMetrics,omitempty"`
}

// AuthenticationRef names the credentials of a trigger.
type AuthenticationRef struct {
	// Name is that of the TriggerAuthentication, or of the ClusterTriggerAuthentication.
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
