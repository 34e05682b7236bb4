package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// The types of the conditions of a ScaledObject. docs/conditions.md is generated from their comments; reasons.go has their reasons.
const (
	// ConditionReady: the spec is valid, Impulse can scale the target, and every trigger is known.
	ConditionReady = "Ready"
	// ConditionActive: there is a target, and some trigger is above its activation value. Unknown: no known trigger is, and one is
	// unknown.
	ConditionActive = "Active"
	// ConditionPaused: an annotation pauses the object, also while it wants no other count.
	ConditionPaused = "Paused"
	// ConditionAbleToScale: the target can be read and written, and no HorizontalPodAutoscaler scales it.
	ConditionAbleToScale = "AbleToScale"
	// ConditionScalingLimited: a rule changes the result of the formula.
	ConditionScalingLimited = "ScalingLimited"
	// ConditionAlertStale: an alert still counts although its sender has not repeated it for its ttl.
	ConditionAlertStale = "AlertStale"
	// ConditionSourceNotice: a trigger has noticed something about its source, which is known.
	ConditionSourceNotice = "SourceNotice"
)

// ScaledObjectStatus is what Impulse saw and decided, as of the last change of outcome.
type ScaledObjectStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Reference is the target as kind/name.
	// +optional
	Reference string `json:"reference,omitempty"`
	// Targets is each trigger's value and target: 132/100, 3/10.
	// +optional
	Targets string `json:"targets,omitempty"`
	// Replicas is the target's count as it was seen; DesiredReplicas is what was decided.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// +optional
	DesiredReplicas *int32 `json:"desiredReplicas,omitempty"`
	// OriginalReplicaCount is the count that the target had before it was first scaled.
	// +optional
	OriginalReplicaCount *int32 `json:"originalReplicaCount,omitempty"`
	// Reason is the one word that matters most now.
	// +optional
	Reason string `json:"reason,omitempty"`
	// +optional
	LastScaleTime *metav1.Time `json:"lastScaleTime,omitempty"`
	// +optional
	Triggers []TriggerStatus `json:"triggers,omitempty"`
	// +optional
	LastDecision *DecisionStatus `json:"lastDecision,omitempty"`
	// History is the last decisions that had another outcome than the one before, newest first; at most 10.
	// +optional
	History []PastDecision `json:"history,omitempty"`
	// Shadow is what the shadow policy would have.
	// +optional
	Shadow *ShadowStatus `json:"shadow,omitempty"`
	// Memory is what the decision core remembers, in its own form.
	// +optional
	Memory string `json:"memory,omitempty"`
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// TriggerStatus is one trigger as of the last change of outcome.
type TriggerStatus struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Value is the level, in the trigger's unit; empty while it is unknown. Beside a LastError, it is what the level is at
	// least.
	// +optional
	Value string `json:"value,omitempty"`
	// +optional
	Target string `json:"target,omitempty"`
	// Proposal is the formula's answer, before tolerance.
	// +optional
	Proposal *int32 `json:"proposal,omitempty"`
	// ReadyReplicas is the ready pods that the value was multiplied with, for metricType Value.
	// +optional
	ReadyReplicas *int32 `json:"readyReplicas,omitempty"`
	// Pods is what was measured of single pods, for cpu and memory.
	// +optional
	Pods *PodsStatus `json:"pods,omitempty"`
	// Pending is the level that comes at a known time unless a message says otherwise: that of an alert that waits for the end of
	// its stale window, or the end of a stale one.
	// +optional
	Pending *PendingLevel `json:"pending,omitempty"`
	// +optional
	Active bool `json:"active,omitempty"`
	// LastError says why the level is unknown.
	// +optional
	LastError string `json:"lastError,omitempty"`
}

// PendingLevel is a level that is not there yet.
type PendingLevel struct {
	// At is when it begins to count.
	At    metav1.MicroTime `json:"at"`
	Value string           `json:"value"`
}

// PodsStatus is a reading of single pods, in short.
type PodsStatus struct {
	// Measured pods have a sample; the value is theirs.
	Measured int32 `json:"measured"`
	// Missing pods have no sample, Unready ones are not there yet, Ignored ones are going or have failed; Unlisted is the
	// number of samples without a pod.
	// +optional
	Missing int32 `json:"missing,omitempty"`
	// +optional
	Unready int32 `json:"unready,omitempty"`
	// +optional
	Ignored int32 `json:"ignored,omitempty"`
	// +optional
	Unlisted int32 `json:"unlisted,omitempty"`
	// Usage is what a measured pod uses on average, in cores or bytes; Request is what it requests, for a Utilization.
	Usage string `json:"usage"`
	// +optional
	Request string `json:"request,omitempty"`
	// Counted is how many pods the formula multiplies with, and Level their level: pods that are not measured are filled in
	// against the direction in which the others point.
	Counted int32  `json:"counted"`
	Level   string `json:"level"`
}

// DecisionStatus is a decision and its chain of steps.
type DecisionStatus struct {
	Time metav1.MicroTime `json:"time"`
	From int32            `json:"from"`
	To   int32            `json:"to"`
	// Raw is the winner's formula before everything else.
	// +optional
	Raw *int32 `json:"raw,omitempty"`
	// Trigger is the winner.
	// +optional
	Trigger string `json:"trigger,omitempty"`
	// LimitedBy names the rules after the formula that changed the number, in order.
	// +optional
	LimitedBy []string `json:"limitedBy,omitempty"`
	// +optional
	Steps []StepStatus `json:"steps,omitempty"`
	// Next is when the answer may be another one with no new event.
	// +optional
	Next *metav1.MicroTime `json:"next,omitempty"`
}

// MaxHistory bounds the history in a status.
const MaxHistory = 10

// PastDecision is a decision in short.
type PastDecision struct {
	Time metav1.MicroTime `json:"time"`
	From int32            `json:"from"`
	To   int32            `json:"to"`
	// Raw is the winner's formula before everything else.
	// +optional
	Raw *int32 `json:"raw,omitempty"`
	// Trigger is the winner.
	// +optional
	Trigger string `json:"trigger,omitempty"`
	// LimitedBy names the rules after the formula that changed the number, in order.
	// +optional
	LimitedBy []string `json:"limitedBy,omitempty"`
	// NotWritten is the reason for which the count was not written, as of the condition AbleToScale; empty once it was.
	// +optional
	NotWritten string `json:"notWritten,omitempty"`
	// Why says how the count came to be.
	Why string `json:"why"`
}

// ShadowStatus is what would be if the shadow policy were the live one, as of its last change of outcome.
type ShadowStatus struct {
	Since    metav1.MicroTime `json:"since"`
	Replicas int32            `json:"replicas"`
	// +optional
	Raw *int32 `json:"raw,omitempty"`
	// +optional
	Trigger string `json:"trigger,omitempty"`
	// +optional
	LimitedBy []string `json:"limitedBy,omitempty"`
	// Why says how the count would come to be.
	Why string `json:"why"`
}

// StepStatus is one rule that changed the number.
type StepStatus struct {
	Rule string `json:"rule"`
	From int32  `json:"from"`
	To   int32  `json:"to"`
	Why  string `json:"why"`
}
