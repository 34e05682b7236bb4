package store

import (
	"time"

	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Delivery is what one endpoint received at one time.
type Delivery struct {
	Endpoint Endpoint
	Alerts   []Alert
	// At is when it was received.
	At time.Time
	// Group identifies the deliveries that are successive states of one group of alerts; "" if the delivery is of no group. An alert can be
	// absent from its own group only.
	Group string
	// Truncated is how many alerts of the group the sender left out. No alert of a truncated delivery is absent.
	Truncated int
	// Count requests Result.Objects, of a delivery of one alert.
	Count bool
	// ID identifies the message among those of its endpoint; "" if the sender has given none. A recorder may skip a repeated message.
	ID string
}

// Alert is one alert of a delivery; at a trigger endpoint it is a level.
type Alert struct {
	// Level is set at a trigger endpoint, Labels and Annotations elsewhere.
	Level       *v1alpha1.LevelRecord
	Labels      map[string]string
	Annotations map[string]string
	Firing      bool
	// StartsAt and EndsAt are the sender's; EndsAt may be zero, also in a resolve.
	StartsAt time.Time
	EndsAt   time.Time
	// Until is when a level that was sent with a ttl is over unless it is sent again; zero: never.
	Until time.Time
}

// Result is the outcome of a delivery.
type Result struct {
	// Changed is the number of alerts that began, ended, or have other content; Selected, of those that some object selects.
	Changed, Selected int
	// Unselected is the number of alerts that no object selects, and Example the alertname of one; 0 until all objects have been read.
	Unselected int
	Example    string
	// Listening reports whether some object selects alerts of the endpoint's namespace, these or others.
	Listening bool
	// Objects is the number of objects that select the alert, if Delivery.Count requests it. It is nil if not requested, and if no object
	// selects the alert while not all objects have been read.
	Objects *int
}

// fingerprint returns that of a level's key, or of an alert's labels.
func (a *Alert) fingerprint() string {
	if a.Level != nil {
		return fingerprint(map[string]string{"key": a.Level.Key})
	}
	return fingerprint(a.Labels)
}

// fingerprint returns Alertmanager's fingerprint of labels. One that a sender has computed is not used.
func fingerprint(labels map[string]string) string {
	set := make(model.LabelSet, len(labels))
	for name, value := range labels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set.Fingerprint().String()
}
