package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AlertSet is one shard of the alerts that were delivered. Each alert is stored once, however many objects select it. Impulse
// owns AlertSets; nothing else writes them.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=impulse
// +kubebuilder:printcolumn:name="For",type=string,JSONPath=`.summary.namespace`
// +kubebuilder:printcolumn:name="Firing",type=integer,JSONPath=`.summary.firing`
// +kubebuilder:printcolumn:name="Pushed",type=integer,JSONPath=`.summary.pushed`
// +kubebuilder:printcolumn:name="Resolved",type=integer,JSONPath=`.summary.resolved`
// +kubebuilder:printcolumn:name="Alerts",type=string,JSONPath=`.summary.names`
// +kubebuilder:printcolumn:name="Written",type=date,JSONPath=`.asOf`
// +kubebuilder:printcolumn:name="Lost",type=date,JSONPath=`.lostAt`,priority=1
type AlertSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Summary counts the alerts, for lists of AlertSets. Impulse writes it and does not read it.
	// +optional
	Summary *AlertSummary `json:"summary,omitempty"`
	// Alerts are keyed by endpoint and fingerprint.
	// +listType=atomic
	// +optional
	Alerts []AlertRecord `json:"alerts,omitempty"`
	// AsOf is when the shard was written. The lastSeen of its alerts is exact as of this time.
	// +optional
	AsOf *metav1.MicroTime `json:"asOf,omitempty"`
	// LostAt is when earlier content of this shard was found to be unreadable: firing alerts may be missing.
	// +optional
	LostAt *metav1.MicroTime `json:"lostAt,omitempty"`
}

// AlertSummary counts the alerts of an AlertSet.
type AlertSummary struct {
	// Namespace of the objects that may select the alerts; * for alerts of the whole cluster.
	Namespace string `json:"namespace"`
	// Firing is the number of firing alerts.
	Firing int32 `json:"firing"`
	// Pushed is the number of pushed levels.
	Pushed int32 `json:"pushed"`
	// Resolved is the number of alerts and levels that are resolved and still stored.
	Resolved int32 `json:"resolved"`
	// Names lists some of the alerts and levels that are not resolved.
	// +optional
	Names string `json:"names,omitempty"`
}

// AlertRecord is the record of one alert or of one pushed level. It holds what was delivered, and when; whether an alert that is
// no longer repeated still counts is decided by each trigger, by its own ttl and late window.
type AlertRecord struct {
	// Endpoint is the endpoint that received the alert: NAMESPACE/CREDENTIAL for a namespace receiver (NAMESPACE is empty for the
	// cluster-wide one), NAMESPACE//OBJECT/TRIGGER for a trigger endpoint.
	Endpoint string `json:"endpoint"`
	// Fingerprint of the labels, 16 hexadecimal digits.
	Fingerprint string `json:"fingerprint"`
	// Level is the level that was sent to a trigger endpoint; it is unset for an alert, which has labels and annotations instead.
	// +optional
	Level *LevelRecord `json:"level,omitempty"`
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// Firing is false once the alert is resolved. A resolved alert is stored for some time, so that a late delivery does not make
	// it fire again.
	Firing bool `json:"firing"`
	// StartsAt is when the alert began, by the sender's clock.
	StartsAt metav1.MicroTime `json:"startsAt"`
	// EndsAt is when the alert ended, by the sender's clock; unset while it fires.
	// +optional
	EndsAt *metav1.MicroTime `json:"endsAt,omitempty"`
	// LastSeen is when a firing of the alert was received last, by Impulse's clock.
	LastSeen metav1.MicroTime `json:"lastSeen"`
	// ResolvedAt is when the resolve was received last, by Impulse's clock.
	// +optional
	ResolvedAt *metav1.MicroTime `json:"resolvedAt,omitempty"`
	// LateFiring is when a firing with no newer startsAt was first received after the resolve, by Impulse's clock: it is a late
	// delivery, or the alert fires again.
	// +optional
	LateFiring *metav1.MicroTime `json:"lateFiring,omitempty"`
	// Group of the last delivery that contained the alert.
	// +optional
	Group string `json:"group,omitempty"`
	// AbsentSince is when a complete delivery of the group was first received without the alert, by Impulse's clock.
	// +optional
	AbsentSince *metav1.MicroTime `json:"absentSince,omitempty"`
	// Until is when a level that was pushed with a ttl is over unless it is pushed again, by Impulse's clock.
	// +optional
	Until *metav1.MicroTime `json:"until,omitempty"`
}

// LevelRecord is one level of a trigger.
type LevelRecord struct {
	// Key distinguishes the levels of one trigger; it may be empty.
	// +optional
	Key string `json:"key,omitempty"`
	// MilliValue is the level in thousandths. It is unset once the level is over.
	// +optional
	MilliValue *int64 `json:"milliValue,omitempty"`
}

// AlertSetList is a list of AlertSets.
//
// +kubebuilder:object:root=true
type AlertSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AlertSet `json:"items"`
}
