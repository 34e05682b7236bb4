package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AlertSet is one shard of the alerts that were delivered, stored once where they entered, however many objects select
// them. Impulse owns it; nobody else writes it.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=impulse
type AlertSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Alerts are keyed by door and fingerprint.
	// +listType=atomic
	// +optional
	Alerts []StoredAlert `json:"alerts,omitempty"`
}

// StoredAlert is the state of one alert.
type StoredAlert struct {
	// Door is the route the alert came through and the credential it came with.
	Door string `json:"door"`
	// Fingerprint is that of the labels, 16 hexadecimal digits.
	Fingerprint string `json:"fingerprint"`
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// Firing is false for a resolved alert that is remembered so that a late repeat does not bring it back.
	Firing bool `json:"firing"`
	// StartsAt and EndsAt are the sender's; EndsAt is unset while the alert fires.
	StartsAt metav1.MicroTime `json:"startsAt"`
	// +optional
	EndsAt *metav1.MicroTime `json:"endsAt,omitempty"`
	// DoubtfulUntil is set on a resolved alert of which a late firing has come: it fires from then on, unless something newer
	// says otherwise.
	// +optional
	DoubtfulUntil *metav1.MicroTime `json:"doubtfulUntil,omitempty"`
	// LastSeen is when it was delivered last, by our clock, as of the last write.
	LastSeen metav1.MicroTime `json:"lastSeen"`
}

// AlertSetList is a list of AlertSets.
//
// +kubebuilder:object:root=true
type AlertSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AlertSet `json:"items"`
}
