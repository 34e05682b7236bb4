package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/impulse-sh/impulse/internal/alerts"
)

// maxBadAlerts bounds the mistakes that are said of one delivery.
const maxBadAlerts = 10

// maxAlert bounds what one alert says: the bytes of its labels and annotations.
const maxAlert = 16 << 10

// delivery is the body of Alertmanager's webhook, as far as it matters here. Fields that newer versions add are let pass.
type delivery struct {
	Version   string           `json:"version"`
	Receiver  string           `json:"receiver"`
	GroupKey  string           `json:"groupKey"`
	Truncated int              `json:"truncatedAlerts"`
	Alerts    *json.RawMessage `json:"alerts"`
}

// group names the group whose state a body is; "" when the body does not say. The names are not needed, and may be long.
func (d *delivery) group() string {
	if d.GroupKey == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(d.Receiver + "\x00" + d.GroupKey))
	return hex.EncodeToString(sum[:8])
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
// The delivery's Door and At are the caller's to fill in.
func decode(body []byte) (good alerts.Delivery, bad []error, err error) {
	var d delivery
	if err := json.Unmarshal(body, &d); err != nil {
		return good, nil, fmt.Errorf("the body is not the JSON of an Alertmanager's webhook: %w", err)
	}
	if d.Version != "4" {
		return good, nil, fmt.Errorf("version is %q: \"4\" was expected", shorten(d.Version))
	}
	if d.Alerts == nil {
		return good, nil, errors.New("alerts is missing")
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(*d.Alerts, &raw); err != nil {
		return good, nil, fmt.Errorf("alerts is not a list: %w", err)
	}
	good = alerts.Delivery{Alerts: make([]alerts.Alert, 0, len(raw)), Group: d.group(), Truncated: max(d.Truncated, 0)}
	for i := range raw {
		a, err := decodeAlert(raw[i])
		if err == nil {
			good.Alerts = append(good.Alerts, a)
			continue
		}
		if len(bad) < maxBadAlerts {
			bad = append(bad, fmt.Errorf("alerts[%d]: %w", i, err))
		}
	}
	if len(good.Alerts) < len(raw) {
		good.Group = "" // One that was not understood is not absent.
	}
	return good, bad, nil
}

// shorten keeps what is repeated to a sender short.
func shorten(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}

// decodeAlert understands one alert. Its status is believed, not its end: that is the year 1 while it fires.
func decodeAlert(raw json.RawMessage) (alerts.Alert, error) {
	var w wireAlert
	if !utf8.Valid(raw) {
		return alerts.Alert{}, errors.New("it is not valid UTF-8")
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return alerts.Alert{}, err
	}
	switch {
	case w.Status != "firing" && w.Status != "resolved":
		return alerts.Alert{}, fmt.Errorf("status is %q: firing or resolved was expected", shorten(w.Status))
	case len(w.Labels) == 0:
		return alerts.Alert{}, errors.New("it has no labels")
	case w.StartsAt.IsZero():
		return alerts.Alert{}, errors.New("startsAt is missing")
	}
	if n := textOf(w.Labels) + textOf(w.Annotations); n > maxAlert {
		return alerts.Alert{}, fmt.Errorf("its labels and annotations are %d bytes: at most %d are kept", n, maxAlert)
	}
	return alerts.Alert{
		Labels: w.Labels, Annotations: w.Annotations, Firing: w.Status == "firing", StartsAt: w.StartsAt, EndsAt: w.EndsAt,
	}, nil
}

// textOf counts the bytes of what a set says.
func textOf(set map[string]string) int {
	n := 0
	for name, value := range set {
		n += len(name) + len(value)
	}
	return n
}
