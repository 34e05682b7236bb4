package store

import (
	"time"

	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
)

// Delivery has the alerts or levels that one endpoint received at one time.
type Delivery struct {
	Endpoint Endpoint
	Alerts   []Alert
	// At is when it was received.
	At time.Time
	// Group identifies the deliveries that are successive states of one group of alerts; "" if the delivery is of no group. An alert counts
	// as absent only if a later delivery of its own group does not contain it.
	Group string
	// Truncated is how many alerts of the group the sender left out. A truncated delivery makes no alert absent.
	Truncated int
	// CountObjects requests Result.Objects. It has an effect only if the delivery has exactly one alert.
	CountObjects bool
	// ID identifies the message among those of its endpoint; "" if the sender has given none. A recorder may skip a repeated message.
	ID string
	// Trace is the span of the delivery. Watchers receive it with the change that the delivery makes.
	Trace scalers.Trace
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
	// Until is when a level that was sent with a ttl is over unless it is sent again; zero means never.
	Until time.Time
}

// Result is the outcome of a delivery.
type Result struct {
	// Changed is the number of alerts that began, ended or changed their content. Selected is how many of them at least one object
	// selects.
	Changed, Selected int
	// Unselected is the number of alerts that no object selects; it is 0 until all objects have been read. Example is the alertname of
	// one of them.
	Unselected int
	Example    string
	// Listening reports whether some object selects alerts of the endpoint's namespace, these or others.
	Listening bool
	// Objects is the number of objects that select the alert, if Delivery.CountObjects requests it. It is nil if it was not requested. It is
	// also nil if no object is known to select the alert, and some objects have not been read yet.
	Objects *int
}

// fingerprint returns the fingerprint of a level's key, or of an alert's labels.
func (a *Alert) fingerprint() string {
	if a.Level != nil {
		return fingerprint(map[string]string{"key": a.Level.Key})
	}
	return fingerprint(a.Labels)
}

// fingerprint returns the fingerprint that Alertmanager computes for labels. A fingerprint in a message is not used.
func fingerprint(labels map[string]string) string {
	set := make(model.LabelSet, len(labels))
	for name, value := range labels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set.Fingerprint().String()
}
