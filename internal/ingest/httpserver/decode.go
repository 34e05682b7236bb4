package httpserver

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

// maxBadAlerts bounds the mistakes that are said of one delivery.
const maxBadAlerts = 10

// maxAlert bounds what one alert says: the bytes of its labels and annotations.
const maxAlert = 16 << 10

// Alertmanager's webhook is of version 4. Grafana's contact point of type webhook posts the same form as version 1.
const (
	alertmanagerVersion = "4"
	grafanaVersion      = "1"
)

// delivery is the body of Alertmanager's webhook, as far as it matters here. Fields that newer versions add are let pass.
type delivery struct {
	Version   string    `json:"version"`
	Receiver  string    `json:"receiver"`
	GroupKey  string    `json:"groupKey"`
	Truncated int       `json:"truncatedAlerts"`
	Alerts    alertList `json:"alerts"`
}

// alertList is the alerts of a delivery. Its elements are decoded one by one, so that those which are no alerts take no memory.
type alertList struct {
	given bool
	good  []store.Alert
	// bad says what is wrong with the first of those that were not understood.
	bad []error
	// err says that it is no list.
	err error
}

// UnmarshalJSON decodes the list. Mistakes in it are kept, not returned: they matter only when the body is right otherwise.
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
			l.good = append(l.good, a)
			continue
		}
		if len(l.bad) < maxBadAlerts {
			l.bad = append(l.bad, fmt.Errorf("alerts[%d]: %w", i, err))
		}
	}
	return nil
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
func decode(body []byte) (good store.Delivery, bad []error, err error) {
	var d delivery
	if err := json.Unmarshal(body, &d); err != nil {
		return good, nil, fmt.Errorf("the body is not the JSON of an Alertmanager's webhook: %w", err)
	}
	if d.Version != alertmanagerVersion && d.Version != grafanaVersion {
		return good, nil, fmt.Errorf("version is %q: %q was expected, or %q from Grafana", shorten(d.Version), alertmanagerVersion, grafanaVersion)
	}
	switch {
	case !d.Alerts.given:
		return good, nil, errors.New("alerts is missing")
	case d.Alerts.err != nil:
		return good, nil, d.Alerts.err
	}
	good = store.Delivery{Alerts: d.Alerts.good, Group: d.group(), Truncated: max(d.Truncated, 0)}
	if len(d.Alerts.bad) > 0 {
		good.Group = "" // One that was not understood is not absent.
	}
	return good, d.Alerts.bad, nil
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
		return store.Alert{}, fmt.Errorf("status is %q: firing or resolved was expected", shorten(w.Status))
	case len(w.Labels) == 0:
		return store.Alert{}, errors.New("it has no labels")
	case w.StartsAt.IsZero():
		return store.Alert{}, errors.New("startsAt is missing")
	}
	if n := textOf(w.Labels) + textOf(w.Annotations); n > maxAlert {
		return store.Alert{}, fmt.Errorf("its labels and annotations are %d bytes: at most %d are kept", n, maxAlert)
	}
	return store.Alert{
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
