package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/internal/alerts"
)

// maxBadAlerts bounds the mistakes that are said of one delivery.
const maxBadAlerts = 10

// delivery is the body of Alertmanager's webhook, as far as it matters here. Fields that newer versions add are let pass.
type delivery struct {
	Version string           `json:"version"`
	Alerts  *json.RawMessage `json:"alerts"`
}

// wireAlert is one alert of a delivery.
type wireAlert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// decode understands a body, or says what is wrong with it. bad are alerts that were not understood among others that were.
func decode(body []byte) (good []alerts.Alert, bad []error, err error) {
	var d delivery
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, nil, fmt.Errorf("the body is not the JSON of an Alertmanager's webhook: %w", err)
	}
	if d.Version != "4" {
		return nil, nil, fmt.Errorf("version is %q: \"4\" was expected", d.Version)
	}
	if d.Alerts == nil {
		return nil, nil, errors.New("alerts is missing")
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(*d.Alerts, &raw); err != nil {
		return nil, nil, fmt.Errorf("alerts is not a list: %w", err)
	}
	good = make([]alerts.Alert, 0, len(raw))
	for i := range raw {
		a, err := decodeAlert(raw[i])
		if err == nil {
			good = append(good, a)
			continue
		}
		if len(bad) < maxBadAlerts {
			bad = append(bad, fmt.Errorf("alerts[%d]: %w", i, err))
		}
	}
	return good, bad, nil
}

// decodeAlert understands one alert. Its status is believed, not its end: that is the year 1 while it fires.
func decodeAlert(raw json.RawMessage) (alerts.Alert, error) {
	var w wireAlert
	if err := json.Unmarshal(raw, &w); err != nil {
		return alerts.Alert{}, err
	}
	switch {
	case w.Status != "firing" && w.Status != "resolved":
		return alerts.Alert{}, fmt.Errorf("status is %q: firing or resolved was expected", w.Status)
	case len(w.Labels) == 0:
		return alerts.Alert{}, errors.New("it has no labels")
	case w.StartsAt.IsZero():
		return alerts.Alert{}, errors.New("startsAt is missing")
	}
	return alerts.Alert{
		Labels: w.Labels, Annotations: w.Annotations, Firing: w.Status == "firing", StartsAt: w.StartsAt, EndsAt: w.EndsAt,
	}, nil
}
