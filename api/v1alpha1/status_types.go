package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// The types of the conditions of a ScaledObject. docs/conditions.md is generated from their comments; reasons.go has their reasons.
const (
	// ConditionReady: the spec is valid, Impulse can scale the target, and every trigger is known.
	ConditionReady = "Ready"
	// ConditionActive: there is a target, and at least one trigger is active (its source reports work or, if the source does not report
	// whether there is work, its level is above its activation value; or its fallback asks for more than the idle count), or the object is
	// always active (force-activation, or only triggers of type cpu, memory and kubernetes-pods). The status is Unknown if no known trigger
	// is active, and at least one trigger is unknown.
	ConditionActive = "Active"
	// ConditionPaused: an annotation pauses the object, even if the count would be the same without it.
	ConditionPaused = "Paused"
	// ConditionAbleToScale: the target can be read and written, and no HorizontalPodAutoscaler scales it.
	ConditionAbleToScale = "AbleToScale"
	// ConditionScalingLimited: a rule changes the count that the triggers ask for.
	ConditionScalingLimited = "ScalingLimited"
	// ConditionAlertStale: an alert still counts although its sender has not repeated it for its ttl.
	ConditionAlertStale = "AlertStale"
	// ConditionSourceNotice: a trigger is known, but its source is in a state that can lead to an unexpected count.
	ConditionSourceNotice = "SourceNotice"
)

// ScaledObjectStatus has what Impulse observed and decided, as of the last change of the outcome.
type ScaledObjectStatus struct {
	// ObservedGeneration is the newest generation that Impulse has seen. If it was refused, an older one may be in effect.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Reference is the target as kind/name.
	// +optional
	Reference string `json:"reference,omitempty"`
	// Targets has the value and the target of each trigger, such as 132/100, 3/10.
	// +optional
	Targets string `json:"targets,omitempty"`
	// Replicas is the observed count of the target.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// DesiredReplicas is the count that was decided.
	// +optional
	DesiredReplicas *int32 `json:"desiredReplicas,omitempty"`
	// OriginalReplicaCount is the count that the target had before it was first scaled.
	// +optional
	OriginalReplicaCount *int32 `json:"originalReplicaCount,omitempty"`
	// Reason is the reason of the condition that matters most at present, AlertStale if that condition matters most, or AsRecommended.
	// +optional
	Reason string `json:"reason,omitempty"`
	// LastScaleTime is when Impulse last changed the count of the target.
	// +optional
	LastScaleTime *metav1.Time `json:"lastScaleTime,omitempty"`
	// Triggers has the state of each trigger.
	// +optional
	Triggers []TriggerStatus `json:"triggers,omitempty"`
	// LastDecision is the newest decision, with the steps that led to its count.
	// +optional
	LastDecision *DecisionStatus `json:"lastDecision,omitempty"`
	// History has the last decisions whose outcome differed from the one before, newest first; at most 10.
	// +optional
	History []PastDecision `json:"history,omitempty"`
	// Shadow is the count that the shadow policy would have.
	// +optional
	Shadow *ShadowStatus `json:"shadow,omitempty"`
	// Memory is the memory of the decision core, in its own encoding.
	// +optional
	Memory string `json:"memory,omitempty"`
	// Conditions are described in docs/conditions.md.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// TriggerStatus is the state of one trigger as of the last change of the outcome.
type TriggerStatus struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Value is the level, in the trigger's unit. While the level is unknown (lastError is set), Value is a known lower bound of the level,
	// or empty if there is none.
	// +optional
	Value string `json:"value,omitempty"`
	// Target is the level that one replica should have, or with metricType Value, the workload.
	// +optional
	Target string `json:"target,omitempty"`
	// Proposal is the count that the trigger asks for, before tolerance.
	// +optional
	Proposal *int32 `json:"proposal,omitempty"`
	// ReadyReplicas is the number of ready pods by which the value was multiplied, for metricType Value.
	// +optional
	ReadyReplicas *int32 `json:"readyReplicas,omitempty"`
	// Pods has the measurements of the pods, for cpu, memory and kubernetes-pods.
	// +optional
	Pods *PodsStatus `json:"pods,omitempty"`
	// Pending is the level from a known time on, unless a message changes it: that of an alert that waits for the end of its late
	// window, or that after the end of a stale alert.
	// +optional
	Pending *PendingLevel `json:"pending,omitempty"`
	// Active is true if the level is above the activation value, or for a source that itself reports whether there is work, if it does
	// report work.
	// +optional
	Active bool `json:"active,omitempty"`
	// LastError is the reason for which the level is unknown.
	// +optional
	LastError string `json:"lastError,omitempty"`
	// Fallback is true if the trigger has failed more than spec.fallback.failureThreshold times in a row, so that spec.fallback
	// determines what it asks for.
	// +optional
	Fallback bool `json:"fallback,omitempty"`
}

// PendingLevel is a level that will count from a known time on.
type PendingLevel struct {
	// At is when the level begins to count.
	At metav1.MicroTime `json:"at"`
	// Value is the level, in the trigger's unit.
	Value string `json:"value"`
}

// PodsStatus summarizes the measurements of pods.
type PodsStatus struct {
	// Measured is the number of pods with a sample; the value is theirs.
	Measured int32 `json:"measured"`
	// Missing is the number of pods without a sample.
	// +optional
	Missing int32 `json:"missing,omitempty"`
	// Unready is the number of pods that are not ready yet.
	// +optional
	Unready int32 `json:"unready,omitempty"`
	// Ignored is the number of pods that are being deleted or have failed.
	// +optional
	Ignored int32 `json:"ignored,omitempty"`
	// Unlisted is the number of samples without a pod.
	// +optional
	Unlisted int32 `json:"unlisted,omitempty"`
	// Usage is the average usage of a measured pod, in cores or bytes, or for kubernetes-pods in the unit of the metric.
	Usage string `json:"usage"`
	// Request is the average request of a measured pod, in cores or bytes, for metricType Utilization.
	// +optional
	Request string `json:"request,omitempty"`
	// Counted is the number of pods in the formula. A pod without a sample is assumed to use an amount that never makes the change larger:
	// 0 when the count rises, and a high amount when it falls.
	Counted int32 `json:"counted"`
	// Level is the level of the counted pods.
	Level string `json:"level"`
}

// DecisionStatus is a decision and the steps that led to its count.
type DecisionStatus struct {
	// Time is when the decision was made.
	Time metav1.MicroTime `json:"time"`
	// From is the count before the decision.
	From int32 `json:"from"`
	// To is the count that was decided.
	To int32 `json:"to"`
	// Raw is the count that the winning trigger asks for, before all other rules.
	// +optional
	Raw *int32 `json:"raw,omitempty"`
	// Trigger is the winning trigger, the one that asks for the most replicas.
	// +optional
	Trigger string `json:"trigger,omitempty"`
	// LimitedBy lists the rules other than the formula that changed the count, each once. Their order is not that of their application.
	// +optional
	LimitedBy []string `json:"limitedBy,omitempty"`
	// Steps are the changes of the count, in the order in which the rules made them.
	// +optional
	Steps []StepStatus `json:"steps,omitempty"`
	// Next is the earliest time at which the decision may change without a new event.
	// +optional
	Next *metav1.MicroTime `json:"next,omitempty"`
}

// MaxHistory bounds the history in a status.
const MaxHistory = 10

// PastDecision summarizes a decision.
type PastDecision struct {
	// Time is when the decision was made.
	Time metav1.MicroTime `json:"time"`
	// From is the count before the decision.
	From int32 `json:"from"`
	// To is the count that was decided.
	To int32 `json:"to"`
	// Raw is the count that the winning trigger asks for, before all other rules.
	// +optional
	Raw *int32 `json:"raw,omitempty"`
	// Trigger is the winning trigger, the one that asks for the most replicas.
	// +optional
	Trigger string `json:"trigger,omitempty"`
	// LimitedBy lists the rules other than the formula that changed the count, each once. Their order is not that of their application.
	// +optional
	LimitedBy []string `json:"limitedBy,omitempty"`
	// NotWritten is the reason of the condition AbleToScale for which the count was not written; empty once it was.
	// +optional
	NotWritten string `json:"notWritten,omitempty"`
	// Why explains the count.
	Why string `json:"why"`
}

// ShadowStatus is the decision of the shadow policy, as of its last change of the outcome.
type ShadowStatus struct {
	// Since is when the outcome last changed.
	Since metav1.MicroTime `json:"since"`
	// Replicas is the count that was decided.
	Replicas int32 `json:"replicas"`
	// Raw is the count that the winning trigger asks for, before all other rules.
	// +optional
	Raw *int32 `json:"raw,omitempty"`
	// Trigger is the winning trigger.
	// +optional
	Trigger string `json:"trigger,omitempty"`
	// LimitedBy lists the rules other than the formula that changed the count, each once. Their order is not that of their application.
	// +optional
	LimitedBy []string `json:"limitedBy,omitempty"`
	// Why explains the count.
	Why string `json:"why"`
}

// StepStatus is a rule that changed the count.
type StepStatus struct {
	// Rule is the name of the rule.
	Rule string `json:"rule"`
	// From and To are the counts before and after the rule.
	From int32 `json:"from"`
	To   int32 `json:"to"`
	// Why explains the change.
	Why string `json:"why"`
}
