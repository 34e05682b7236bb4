package v1alpha1

// The doc comments in this file are the text of docs/conditions.md: the first paragraph of a constant says what it means, the second
// what to do about it.

// Ready
//
// Reasons of the condition Ready. Those of AbleToScale are also reasons of Ready while the target is missing, forbidden or scaled by
// an HPA.
const (
	// ReasonReady: the spec is valid, Impulse can scale the target, and every trigger is known. The message names annotations that
	// have no effect.
	ReasonReady = "Ready"
	// ReasonInvalidSpec: the newest version of the object is invalid. If an older version was valid, that one stays in effect.
	//
	// Correct the mistakes that the message lists; impulse check finds them before the object is applied.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonTargetInUse: an older ScaledObject scales the same target.
	//
	// Delete one of the two objects, or correct its spec.scaleTargetRef.
	ReasonTargetInUse = "TargetInUse"
	// ReasonTriggerFailed: at least one trigger is unknown. An unknown trigger never lowers the count.
	//
	// Read the error in the message, or in status.triggers, and repair the source or its credentials.
	ReasonTriggerFailed = "TriggerFailed"
	// ReasonWaitingForTriggers: at least one trigger has not been read since Impulse started to scale the object.
	//
	// Wait for pollingInterval.
	ReasonWaitingForTriggers = "WaitingForTriggers"
	// ReasonRestoreFailed: the object is being deleted, and the original count of its target cannot be written. Impulse retries, and
	// the object is not removed until the count is written.
	//
	// Remove what the message names, or remove the finalizer impulse.sh/restore to keep the present count.
	ReasonRestoreFailed = "RestoreFailed"
)

// AbleToScale
//
// Reasons of the condition AbleToScale. While its status is False, status.history has the reason in notWritten.
const (
	// ReasonReadyToScale: Impulse can read and write the count of the target.
	ReasonReadyToScale = "ReadyToScale"
	// ReasonTargetUnknown: the target has not been read yet, or cannot be read at present.
	//
	// If this lasts, read the error in the message: the API server may be unavailable.
	ReasonTargetUnknown = "TargetUnknown"
	// ReasonTargetNotFound: the target does not exist.
	//
	// Create it, or correct spec.scaleTargetRef.
	ReasonTargetNotFound = "TargetNotFound"
	// ReasonNoScaleSubresource: the kind of the target has no scale subresource.
	//
	// Correct kind and apiVersion of spec.scaleTargetRef, choose a kind with one, or add one to its CustomResourceDefinition.
	ReasonNoScaleSubresource = "NoScaleSubresource"
	// ReasonForbidden: Impulse's ServiceAccount may not read or write the target.
	//
	// Grant the permissions that deploy/manifests/README.md lists under Permissions.
	ReasonForbidden = "Forbidden"
	// ReasonForeignHPA: a HorizontalPodAutoscaler scales the same target. Impulse writes nothing.
	//
	// Delete it; Impulse then continues.
	ReasonForeignHPA = "ForeignHPA"
	// ReasonDryRun: counts are decided and reported, but not written: spec.dryRun or impulse run --dry-run is set.
	ReasonDryRun = "DryRun"
	// ReasonScaleFailed: the last write failed. Impulse retries, with increasing delays.
	//
	// Read the error in the message.
	ReasonScaleFailed = "ScaleFailed"
	// ReasonDeniedByAdmission: an admission webhook or policy denies the count.
	//
	// Ask the owner of the webhook or policy that the message names, or adapt minReplicaCount and maxReplicaCount to it.
	ReasonDeniedByAdmission = "DeniedByAdmission"
	// ReasonChangedByAdmission: an admission webhook or policy changes the count that Impulse writes.
	//
	// Exempt the target from the webhook or policy, or adapt minReplicaCount and maxReplicaCount to it.
	ReasonChangedByAdmission = "ChangedByAdmission"
	// ReasonContested: another client keeps changing the count. The status is True: Impulse writes, but with increasing
	// delays.
	//
	// Find the client in the audit log, or in managedFields of the target, and stop one of the two.
	ReasonContested = "Contested"
)

// Active
//
// Reasons of the condition Active. While there is no target, it has the reason of AbleToScale.
const (
	// ReasonTriggerActive: at least one trigger is active, or the object is always active (force-activation, or only triggers of type cpu,
	// memory and kubernetes-pods).
	ReasonTriggerActive = "TriggerActive"
	// ReasonNoTriggerActive: no trigger is active.
	ReasonNoTriggerActive = "NoTriggerActive"
	// ReasonTriggerUnknown: no known trigger is active, and at least one trigger is unknown.
	//
	// See the condition Ready.
	ReasonTriggerUnknown = "TriggerUnknown"
)

// Paused
//
// Reasons of the condition Paused. The message names the annotations, and the end and the reason of the pause.
const (
	// ReasonNotPaused: the object is not paused. The message names the end of a pause that is over.
	ReasonNotPaused = "NotPaused"
	// ReasonPaused: the count is kept as it is.
	//
	// To continue before its end: impulse resume, or remove the annotation.
	ReasonPaused = "Paused"
	// ReasonPausedReplicas: the count is kept at the value of the annotation.
	//
	// To continue before its end: impulse resume, or remove the annotation.
	ReasonPausedReplicas = "PausedReplicas"
	// ReasonPausedScaleIn: the count is not lowered.
	//
	// To continue before its end: impulse resume, or remove the annotation.
	ReasonPausedScaleIn = "PausedScaleIn"
	// ReasonPausedScaleOut: the count is not raised.
	//
	// To continue before its end: impulse resume, or remove the annotation.
	ReasonPausedScaleOut = "PausedScaleOut"
)

// ScalingLimited
//
// Reasons of the condition ScalingLimited: the last rule of status.lastDecision.limitedBy that keeps the count from what the triggers
// ask for. The reason is Paused while a pause determines the count. impulse explain shows the numbers.
const (
	// ReasonNotLimited: no rule changes the count that the triggers ask for.
	ReasonNotLimited = "NotLimited"
	// ReasonUnknown: a trigger is unknown, and the others ask for less: the count is kept.
	//
	// See the condition Ready.
	ReasonUnknown = "Unknown"
	// ReasonFallback: a trigger has failed more than failureThreshold times in a row, and spec.fallback determines what it asks for.
	//
	// See the condition Ready.
	ReasonFallback = "Fallback"
	// ReasonStabilization: a stabilization window delays the change.
	ReasonStabilization = "Stabilization"
	// ReasonRate: a scaling policy of the behavior limits the change within its period.
	ReasonRate = "Rate"
	// ReasonCooldown: nothing is active, and cooldownPeriod is not over, or it has ended, and the workload has just become idle.
	ReasonCooldown = "Cooldown"
	// ReasonIdle: nothing is active: the workload has its idle count.
	ReasonIdle = "Idle"
	// ReasonMinReplicaCount: the triggers ask for less than minReplicaCount.
	ReasonMinReplicaCount = "MinReplicaCount"
	// ReasonMaxReplicaCount: the triggers ask for more than maxReplicaCount.
	//
	// Raise maxReplicaCount if the workload needs more replicas.
	ReasonMaxReplicaCount = "MaxReplicaCount"
)

// AlertStale
//
// Reasons of the condition AlertStale. An object gets it when one of its alerts becomes stale for the first time.
const (
	// ReasonNotRepeated: an alert still counts although its sender has not repeated it for its ttl.
	//
	// Check the sender: it may be down, or its repeat_interval may be longer than the ttl of the trigger.
	ReasonNotRepeated = "NotRepeated"
	// ReasonTTLExpired: a stale alert has ended because it was not repeated.
	//
	// Check the sender: the alert may be firing still.
	ReasonTTLExpired = "TTLExpired"
	// ReasonNotStale: no alert is stale.
	ReasonNotStale = "NotStale"
)

// SourceNotice
//
// Reasons of the condition SourceNotice. An object gets it when a trigger first reports a state of its source that can lead to an
// unexpected count.
const (
	// ReasonAlertWaits: an alert fires again soon after it was resolved, without a newer startsAt. It begins to count at the end of the
	// trigger's lateWindow, unless it is resolved before.
	ReasonAlertWaits = "AlertWaits"
	// ReasonConsumerPaused: the JetStream consumer is paused: waiting messages are not delivered, and do not raise the count.
	//
	// Resume the consumer.
	ReasonConsumerPaused = "ConsumerPaused"
	// ReasonConsumerExpires: the JetStream consumer has an inactive_threshold: the server deletes the consumer when no worker has
	// used it for that time, for example because the workload is idle.
	//
	// Remove inactive_threshold from the consumer, or set minReplicaCount to 1.
	ReasonConsumerExpires = "ConsumerExpires"
	// ReasonNotStreaming: the server of an external-push trigger streams no activity: changes are noticed only at pollingInterval.
	//
	// Let the server implement StreamIsActive and keep the stream open, or use a trigger of type external.
	ReasonNotStreaming = "NotStreaming"
	// ReasonLagLimited: the lag of a Kafka consumer group counts only as far as more replicas could consume it: a partition is consumed by
	// one replica.
	//
	// Add partitions to the topic, or set allowIdleConsumers to true.
	ReasonLagLimited = "LagLimited"
	// ReasonVaultNotRead: the vault of the authentication could not be read again. The values that were read last are used.
	//
	// Read the error in the message: the vault may be down, or refuse the token.
	ReasonVaultNotRead = "VaultNotRead"
	// ReasonNothingToNotice: no trigger reports such a state.
	ReasonNothingToNotice = "NothingToNotice"
)

// Events and status.reason
//
// status.reason has the reason of a condition, AlertStale while the condition of that name is True, or AsRecommended. An Event has the reason of a
// condition that became a problem, AlertStale when an alert becomes stale, or one of the following. Events of KEDA's objects are in keda.md.
//
// Impulse writes at most one Event a minute for one object and reason. The first is written at once. Those of the next minute become one Event, with
// their number as its count and the newest message; if the messages differ, it begins with `(combined from similar events)`. Messages that are equal
// are counted in the Event that exists, until ten minutes have passed without one.
const (
	// ReasonAsRecommended: the count is what the triggers ask for.
	ReasonAsRecommended = "AsRecommended"
	// ReasonScaled: the count of the target was changed. The message has the old count, the new one and the reason.
	ReasonScaled = "Scaled"
	// ReasonRecovered: a problem that an earlier Event reported is over.
	ReasonRecovered = "Recovered"
	// ReasonUnknownAnnotation: an annotation has no effect; it may be misspelt.
	//
	// Correct the annotation that the message names, or remove it.
	ReasonUnknownAnnotation = "UnknownAnnotation"
	// ReasonSenderRefused: a request of a sender for this namespace was refused.
	//
	// Correct the credentials or the URL of the sender, as the message says.
	ReasonSenderRefused = "SenderRefused"
	// ReasonFinalizerFailed: the finalizer of the object cannot be added or removed. Impulse retries.
	//
	// Read the error in the message.
	ReasonFinalizerFailed = "FinalizerFailed"
	// ReasonRestored: the object was deleted, and its target has its original count again.
	ReasonRestored = "Restored"
	// ReasonNotRestored: the object was deleted, and its target keeps its count for the reason in the message.
	ReasonNotRestored = "NotRestored"
)
