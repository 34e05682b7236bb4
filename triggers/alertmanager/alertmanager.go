// Package alertmanager is the trigger of alerts: as many replicas as the firing alerts that it selects ask for.
package alertmanager

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Kind describes the trigger type alertmanager.
func Kind() triggers.Kind {
	k := triggers.Define("alertmanager", "Alerts that an Alertmanager posts to Impulse.", defaults(), open)
	k.Push = true
	k.Example = map[string]string{"matchers": `{alertname="QueueFull"}`, "replicas": "5"}
	return k
}

// open makes the source; it does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	q, err := c.Selection(env.Namespace)
	if err != nil {
		return nil, err
	}
	return &source{config: c, query: q, env: env}, nil
}

// Selection selects the alerts that the matchers match, of the namespace's door or of the cluster's.
func (c Config) Selection(namespace string) (triggers.AlertQuery, error) {
	matchers, err := parseMatchers(c.Matchers)
	if err != nil {
		return triggers.AlertQuery{}, &triggers.FieldError{Field: "matchers", Problem: err.Error()}
	}
	q := triggers.AlertQuery{Namespace: namespace, Equal: map[string]string{}, Match: matches(matchers)}
	if c.Scope == "cluster" {
		q.Namespace = ""
	}
	for _, m := range matchers {
		if m.Type == labels.MatchEqual && m.Value != "" {
			q.Equal[m.Name] = m.Value
		}
	}
	return q, nil
}

// matches reports whether all matchers select an alert; a label that it does not have is the empty one.
func matches(matchers labels.Matchers) func(map[string]string) bool {
	return func(set map[string]string) bool {
		for _, m := range matchers {
			if !m.Matches(set[m.Name]) {
				return false
			}
		}
		return true
	}
}

// source is one selection of alerts.
type source struct {
	config Config
	query  triggers.AlertQuery
	env    triggers.Env
}

// Run reports the level at once, and whenever it changes.
func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	if s.env.Alerts == nil {
		return errors.New("this process receives no alerts")
	}
	var (
		reported bool
		last     scalers.Milli
		lastErr  string
	)
	return s.env.Alerts.Watch(ctx, s.query, func(at time.Time, alerts []triggers.Alert, err error) {
		var level scalers.Milli
		if err == nil {
			level, err = s.config.Level(alerts)
		}
		said := ""
		if err != nil {
			said = err.Error()
		}
		if reported && level == last && said == lastErr {
			return
		}
		reported, last, lastErr = true, level, said
		emit(scalers.Event{Trigger: s.env.Trigger, At: scalers.InstantOf(at), Value: level, Err: err})
	})
}

// Level turns the firing alerts into one level. One that is worth no number makes it unknown.
func (c Config) Level(alerts []triggers.Alert) (scalers.Milli, error) {
	if c.Replicas != 0 {
		if len(alerts) == 0 {
			return 0, nil
		}
		return scalers.Milli(c.Replicas) * 1000, nil
	}
	var sum, most scalers.Milli
	for i := range alerts {
		worth, err := c.worth(&alerts[i])
		if err != nil {
			return 0, err
		}
		if i == 0 || worth > most {
			most = worth
		}
		sum = add(sum, worth)
	}
	switch {
	case c.Aggregation == "max":
		return most, nil
	case c.Aggregation == "avg" && len(alerts) > 0:
		return sum / scalers.Milli(len(alerts)), nil
	default:
		return sum, nil
	}
}

// add saturates.
func add(a, b scalers.Milli) scalers.Milli {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	if b < 0 && a < math.MinInt64-b {
		return math.MinInt64
	}
	return a + b
}

// worth is what one alert counts for.
func (c Config) worth(a *triggers.Alert) (scalers.Milli, error) {
	kind, name, _ := strings.Cut(c.Value, ":")
	var text string
	switch kind {
	case "label":
		text = a.Labels[name]
	case "annotation":
		text = a.Annotations[name]
	default:
		return 1000, nil
	}
	if text == "" {
		return 0, fmt.Errorf("alert %s has no %s %s", a.Labels["alertname"], kind, name)
	}
	worth, err := scalers.ParseMilli(text)
	if err != nil {
		return 0, fmt.Errorf("alert %s, %s %s: %w", a.Labels["alertname"], kind, name, err)
	}
	return worth, nil
}
