package endpoints

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/impulse-sh/impulse/internal/ingest/store"
)

// maxMistakes bounds the mistakes that are reported of one delivery.
const maxMistakes = 10

// maxAlert bounds the labels and annotations of one alert, in bytes.
const maxAlert = 16 << 10

// Alertmanager's webhook is of version 4. Grafana's contact point of type webhook posts the same form as version 1.
const (
	alertmanagerVersion = "4"
	grafanaVersion      = "1"
)

// delivery is the body of Alertmanager's webhook, as far as it matters here. Unknown fields are ignored.
type delivery struct {
	Version   string    `json:"version"`
	Receiver  string    `json:"receiver"`
	GroupKey  string    `json:"groupKey"`
	Truncated int       `json:"truncatedAlerts"`
	Alerts    alertList `json:"alerts"`
}

// alertList is the alerts of a delivery. Its elements are decoded one by one, so that invalid ones take no memory.
type alertList struct {
	given bool
	valid []store.Alert
	// mistakes has the errors of the first invalid alerts.
	mistakes []error
	// err is set if the value is not a list.
	err error
}

// UnmarshalJSON decodes the list. It stores mistakes instead of returning them: they matter only when the rest of the body is valid.
func (l *alertList) UnmarshalJSON(list []byte) error {
	*l = alertList{given: string(list) != "null"}
	if l.given {
		l.err = l.decode(list)
	}
	return nil
}

func (l *alertList) decode(list []byte) error {
	d := json.NewDecoder(bytes.NewReader(list))
	if first, err := d.Token(); err != nil || first != json.Delim('[') {
		return fmt.Errorf("alerts is not a list, it begins with %.10q", list)
	}
	var one json.RawMessage
	for i := 0; d.More(); i++ {
		if err := d.Decode(&one); err != nil {
			return fmt.Errorf("alerts[%d]: %w", i, err)
		}
		a, err := decodeAlert(one)
		if err == nil {
			l.valid = append(l.valid, a)
			continue
		}
		if len(l.mistakes) < maxMistakes {
			l.mistakes = append(l.mistakes, fmt.Errorf("alerts[%d]: %w", i, err))
		}
	}
	return nil
}

// group identifies the group whose alerts a body holds; "" if the body has no group. It is a hash, as the names may be long.
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

// DecodeAlerts decodes the body of a delivery of an Alertmanager. mistakes has the errors of the first invalid alerts, which are
// not in the delivery. The caller fills in its Endpoint and At.
func DecodeAlerts(body []byte) (valid store.Delivery, mistakes []error, err error) {
	var d delivery
	if err := json.Unmarshal(body, &d); err != nil {
		return valid, nil, fmt.Errorf("the body is not the JSON of an Alertmanager's webhook: %w", err)
	}
	if d.Version != alertmanagerVersion && d.Version != grafanaVersion {
		return valid, nil, fmt.Errorf("version is %q, expected %q, or %q from Grafana", shorten(d.Version), alertmanagerVersion, grafanaVersion)
	}
	switch {
	case !d.Alerts.given:
		return valid, nil, errors.New("alerts is missing")
	case d.Alerts.err != nil:
		return valid, nil, d.Alerts.err
	}
	valid = store.Delivery{Alerts: d.Alerts.valid, Group: d.group(), Truncated: max(d.Truncated, 0)}
	if len(d.Alerts.mistakes) > 0 {
		valid.Group = "" // An invalid alert is not absent.
	}
	return valid, d.Alerts.mistakes, nil
}

// shorten bounds a text of a sender that is repeated.
func shorten(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}

// decodeAlert decodes one alert. Its status decides whether it fires: its end may be in the year 1.
func decodeAlert(raw json.RawMessage) (store.Alert, error) {
	var w wireAlert
	if !utf8.Valid(raw) {
		return store.Alert{}, errors.New("it is not valid UTF-8")
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Alert{}, err
	}
	switch {
	case w.Status != "firing" && w.Status != "resolved":
		return store.Alert{}, fmt.Errorf("status is %q, expected firing or resolved", shorten(w.Status))
	case len(w.Labels) == 0:
		return store.Alert{}, errors.New("it has no labels")
	case w.StartsAt.IsZero():
		return store.Alert{}, errors.New("startsAt is missing")
	}
	if n := textOf(w.Labels) + textOf(w.Annotations); n > maxAlert {
		return store.Alert{}, fmt.Errorf("its labels and annotations are %d bytes: at most %d are stored", n, maxAlert)
	}
	return store.Alert{
		Labels: w.Labels, Annotations: w.Annotations, Firing: w.Status == "firing", StartsAt: w.StartsAt, EndsAt: w.EndsAt,
	}, nil
}

// textOf returns the number of bytes of all names and values.
func textOf(set map[string]string) int {
	n := 0
	for name, value := range set {
		n += len(name) + len(value)
	}
	return n
}
