package alertmanager

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of an alertmanager trigger.
type Config struct {
	Matchers            string        `json:"matchers" required:"true" doc:"Which alerts count, in Alertmanager's own syntax: {alertname=\"QueueFull\", severity=~\"page|warn\"}."`
	Replicas            int32         `json:"replicas" doc:"Replicas while any selected alert fires. Either this or threshold."`
	Threshold           scalers.Milli `json:"threshold" doc:"The level that one replica should have (metricType AverageValue) or the workload should have (Value)."`
	ActivationThreshold scalers.Milli `json:"activationThreshold" doc:"With threshold: the trigger is active above this level."`
	Value               string        `json:"value" doc:"With threshold, what an alert is worth: count (1 each), label:NAME or annotation:NAME (the number that it holds)."`
	Aggregation         string        `json:"aggregation" doc:"With threshold, how several alerts become one level: sum, max or avg."`
	Scope               string        `json:"scope" doc:"namespace: alerts that came through the door of the object's namespace. cluster: those of the cluster-wide door."`
}

// defaults is the config of a user who set nothing.
func defaults() Config { return Config{Value: "count", Aggregation: "sum", Scope: "namespace"} }

// Validate returns every mistake at once.
func (c Config) Validate() error {
	var mistakes []error
	wrong := func(field, problem, suggestion string) {
		mistakes = append(mistakes, &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion})
	}
	if c.Matchers != "" {
		if m, err := parseMatchers(c.Matchers); err != nil {
			wrong("matchers", "is not in Alertmanager's syntax: "+err.Error(), `such as {alertname="QueueFull", severity=~"page|warn"}`)
		} else if len(m) == 0 {
			wrong("matchers", "selects every alert", `name at least one label, such as {alertname="QueueFull"}`)
		}
	}
	switch {
	case c.Replicas == 0 && c.Threshold == 0:
		wrong("replicas", "is required, or threshold", "replicas: N while an alert fires, or threshold for a level")
	case c.Replicas != 0 && c.Threshold != 0:
		wrong("threshold", "is of no use beside replicas", "remove one of them")
	case c.Replicas < 0:
		wrong("replicas", fmt.Sprintf("%d is below 0", c.Replicas), "")
	case c.Threshold < 0:
		wrong("threshold", "must be above 0", "")
	}
	if c.Replicas != 0 && (c.Value != "count" || c.ActivationThreshold != 0) {
		wrong("replicas", "is wanted whatever an alert is worth", "value and activationThreshold go with threshold")
	}
	if kind, name, ok := strings.Cut(c.Value, ":"); c.Value != "count" && (!ok || name == "" || kind != "label" && kind != "annotation") {
		wrong("value", fmt.Sprintf("%q is unknown", c.Value), "count, label:NAME or annotation:NAME")
	}
	if c.Aggregation != "sum" && c.Aggregation != "max" && c.Aggregation != "avg" {
		wrong("aggregation", fmt.Sprintf("%q is unknown", c.Aggregation), "sum, max or avg")
	}
	if c.Scope != "namespace" && c.Scope != "cluster" {
		wrong("scope", fmt.Sprintf("%q is unknown", c.Scope), "namespace or cluster")
	}
	return errors.Join(mistakes...)
}

// Trigger says how the level is read: it stands until the alerts change.
func (c Config) Trigger() scalers.Trigger {
	if c.Replicas != 0 {
		return scalers.Trigger{Target: 1000, Exact: true, Continuous: true}
	}
	return scalers.Trigger{Target: c.Threshold, Activation: c.ActivationThreshold, Continuous: true}
}

// parseMatchers reads Alertmanager's syntax as Alertmanager does: the newer parser first, then the classic one. The classic
// one is lenient for people who are still typing: what it makes of half a text is refused, with the position that the newer
// one gives.
func parseMatchers(text string) (labels.Matchers, error) {
	matchers, err := parse.Matchers(text)
	if err == nil {
		return matchers, nil
	}
	if classic, classicErr := labels.ParseMatchers(text); classicErr == nil && finished(text, classic) {
		return classic, nil
	}
	if strings.HasPrefix(err.Error(), "end of input") { // The only one without a position.
		return nil, fmt.Errorf("0:%d: %w", len(text), err)
	}
	return nil, err
}

// finished reports whether braces stand on both sides or on none, and every matcher has a value.
func finished(text string, matchers labels.Matchers) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{") == strings.HasSuffix(text, "}") &&
		!slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return m.Value == "" })
}
