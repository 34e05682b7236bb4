package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AlertSet is one shard of the alerts that were delivered, stored once where they entered, however many objects select
// them. Impulse owns it; nobody else writes it.
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

	// Summary is what the alerts come to, for those who list AlertSets. It is written and not read.
	// +optional
	Summary *AlertSummary `json:"summary,omitempty"`
	// Alerts are keyed by door and fingerprint.
	// +listType=atomic
	// +optional
	Alerts []StoredAlert `json:"alerts,omitempty"`
	// AsOf is when it was written: by then each alert was last seen at just the time that is written.
	// +optional
	AsOf *metav1.MicroTime `json:"asOf,omitempty"`
	// LostAt is when what this shard held before was found to be unreadable: alerts that fire may be missing.
	// +optional
	LostAt *metav1.MicroTime `json:"lostAt,omitempty"`
}

// AlertSummary is what the alerts of an AlertSet come to.
type AlertSummary struct {
	// Namespace is that of the objects that may select the alerts; * for those of the whole cluster.
	Namespace string `json:"namespace"`
	// Firing, Pushed and Resolved count the alerts that fire, the levels that were pushed, and what is over and remembered.
	Firing   int32 `json:"firing"`
	Pushed   int32 `json:"pushed"`
	Resolved int32 `json:"resolved"`
	// Names are some of those that are not over.
	// +optional
	Names string `json:"names,omitempty"`
}

// StoredAlert is what is known of one alert, or of one level that was pushed. It holds facts only: whether an alert that has
// not been heard of for some time still counts is for each trigger to say.
type StoredAlert struct {
	// Door is the route the alert came through and the credential it came with, or the trigger that a direct door leads to.
	Door string `json:"door"`
	// Fingerprint is that of the labels, 16 hexadecimal digits.
	Fingerprint string `json:"fingerprint"`
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// Firing is false from the resolve on: a resolved alert is remembered for some time, so that a late repeat does not bring
	// it back.
	Firing bool `json:"firing"`
	// StartsAt and EndsAt are the sender's; EndsAt is unset while the alert fires.
	StartsAt metav1.MicroTime `json:"startsAt"`
	// +optional
	EndsAt *metav1.MicroTime `json:"endsAt,omitempty"`
	// LastSeen is when a firing of it was delivered last, by our clock. It is exact as of AsOf.
	LastSeen metav1.MicroTime `json:"lastSeen"`
	// ResolvedAt is when its resolve was received, by our clock.
	// +optional
	ResolvedAt *metav1.MicroTime `json:"resolvedAt,omitempty"`
	// Doubt is when, after that, a firing of the same activation was received: late, or begun again.
	// +optional
	Doubt *metav1.MicroTime `json:"doubt,omitempty"`
	// Group is that of the last delivery that it was in, and AbsentSince when a whole delivery of the group came without it.
	// +optional
	Group string `json:"group,omitempty"`
	// +optional
	AbsentSince *metav1.MicroTime `json:"absentSince,omitempty"`
	// Until is when it is over unless it is delivered again, for what was pushed with a TTL.
	// +optional
	Until *metav1.MicroTime `json:"until,omitempty"`
	// DoubtfulUntil is how an earlier version wrote Doubt; it is read and not written.
	// +optional
	DoubtfulUntil *metav1.MicroTime `json:"doubtfulUntil,omitempty"`
}

// AlertSetList is a list of AlertSets.
//
// +kubebuilder:object:root=true
type AlertSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AlertSet `json:"items"`
}
