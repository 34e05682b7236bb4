package alertmanager

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/httpauth"
)

// Config is the metadata of an alertmanager trigger.
type Config struct {
	Matchers            string        `json:"matchers" required:"true" doc:"Which alerts count, in Alertmanager's own syntax: {alertname=\"QueueFull\", severity=~\"page|warn\"}."`
	Replicas            int32         `json:"replicas" doc:"Replicas while any selected alert fires. Either this, step or threshold."`
	Step                string        `json:"step" doc:"+N or +N%: while alerts fire, the trigger asks for the base (the count of the other triggers when the first alert began) plus this step for each firing alert. Either this, replicas or threshold."`
	StepInterval        time.Duration `json:"stepInterval" doc:"With step: one step when the first alert begins and one more after each such interval, instead of one for each alert."`
	Threshold           scalers.Milli `json:"threshold" doc:"The level that one replica should have (metricType AverageValue) or the workload should have (Value)."`
	ActivationThreshold scalers.Milli `json:"activationThreshold" doc:"With threshold: the trigger is active above this level."`
	Value               string        `json:"value" doc:"With threshold, the number that each alert contributes: count (1), label:NAME or annotation:NAME (the number in it)."`
	Aggregation         string        `json:"aggregation" doc:"With threshold, how several alerts become one level: sum, max or avg."`
	Scope               string        `json:"scope" doc:"namespace: alerts that were posted to the receiver of the object's namespace. cluster: alerts that were posted to the cluster-wide receiver."`
	TTL                 time.Duration `json:"ttl" doc:"How long after its last delivery an alert becomes stale (condition AlertStale); it still counts, and ends one more ttl later. Recommended: 3 × the route's repeat_interval."`
	LateWindow          time.Duration `json:"lateWindow" doc:"A firing alert that arrives within this time after its resolve, without a newer startsAt, may be a late delivery. It counts only after this time."`
	AbsentMeansResolved bool          `json:"absentMeansResolved" doc:"An alert ends when all complete deliveries of its group have omitted it for as long as lateWindow. Only for alerts that are never silenced or inhibited."`
	Reconcile           []string      `json:"reconcile" doc:"Base URLs of all Alertmanagers that post to this receiver. They are queried for firing alerts at start and every 45 s, which corrects lost deliveries."`
	Receiver            string        `json:"receiver" doc:"With reconcile: the name of the Alertmanager receiver that posts to Impulse. A reconcile then records as firing only the alerts that a route to this receiver sends, and none while that route is muted."`
	AuthModes           string        `json:"authModes" doc:"With reconcile, how to authenticate to the servers, as authModes of prometheus: bearer, basic or oauth, and custom and tls."`
}

// defaults returns the config with all defaults.
func defaults() Config {
	return Config{Value: "count", Aggregation: "sum", Scope: "namespace", TTL: 12 * time.Hour, LateWindow: time.Minute}
}

// Limits of the parameters.
const (
	longestTTL    = 7 * 24 * time.Hour
	longestWindow = 30 * time.Minute
	maxServers    = 16
)

// Validate returns all mistakes, joined.
func (c Config) Validate() error {
	return errors.Join(c.checkMatchers(), c.checkLevel(), c.checkStep(), c.checkWords(), c.checkTimes(), c.checkReconcile())
}

func invalid(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}

func (c Config) checkMatchers() error {
	if c.Matchers == "" {
		return nil // Define reports that they are required.
	}
	m, err := parseMatchers(c.Matchers)
	if err != nil {
		return invalid("matchers", "is not in Alertmanager's syntax: "+err.Error(), `such as {alertname="QueueFull", severity=~"page|warn"}`)
	}
	if len(m) == 0 {
		return invalid("matchers", "selects every alert", `name at least one label, such as {alertname="QueueFull"}`)
	}
	return nil
}

// checkLevel requires exactly one of replicas, step and threshold, without parameters of the others.
func (c Config) checkLevel() error {
	var all []error
	switch {
	case c.Replicas == 0 && c.Threshold == 0 && c.Step == "":
		all = append(all, invalid("replicas", "is required, or threshold, or step", "write replicas: N for a count while an alert fires, step: +N for each alert that fires, or threshold for a count in proportion to the level"))
	case c.Replicas != 0 && c.Threshold != 0:
		all = append(all, invalid("threshold", "has no effect with replicas", "remove one of them"))
	case c.Step != "" && (c.Replicas != 0 || c.Threshold != 0):
		all = append(all, invalid("step", "has no effect with replicas or threshold", "remove one of them"))
	case c.Replicas < 0:
		all = append(all, invalid("replicas", fmt.Sprintf("%d is below 0", c.Replicas), ""))
	case c.Threshold < 0:
		all = append(all, invalid("threshold", "must be above 0", ""))
	}
	if other := c.Value != "count" || c.ActivationThreshold != 0; other && c.Replicas != 0 {
		all = append(all, invalid("replicas", "does not depend on the value of an alert", "value and activationThreshold need threshold"))
	} else if other && c.Step != "" {
		all = append(all, invalid("step", "does not depend on the value of an alert", "value and activationThreshold need threshold"))
	}
	return errors.Join(all...)
}

func (c Config) checkStep() error {
	var all []error
	if c.Step != "" {
		if _, err := parseStep(c.Step); err != nil {
			all = append(all, invalid("step", fmt.Sprintf("%q %v", c.Step, err), "write +2 or +50%"))
		}
	}
	switch {
	case c.StepInterval != 0 && c.Step == "":
		all = append(all, invalid("stepInterval", "is of no use without step", "add step: +N"))
	case c.StepInterval != 0 && c.StepInterval < time.Second:
		all = append(all, invalid("stepInterval", c.StepInterval.String()+" is below 1s", ""))
	}
	return errors.Join(all...)
}

func (c Config) checkWords() error {
	var all []error
	if kind, name, ok := strings.Cut(c.Value, ":"); c.Value != "count" && (!ok || name == "" || kind != "label" && kind != "annotation") {
		all = append(all, invalid("value", fmt.Sprintf("%q is unknown", c.Value), "count, label:NAME or annotation:NAME"))
	}
	if c.Aggregation != "sum" && c.Aggregation != "max" && c.Aggregation != "avg" {
		all = append(all, invalid("aggregation", fmt.Sprintf("%q is unknown", c.Aggregation), "sum, max or avg"))
	}
	if c.Scope != "namespace" && c.Scope != "cluster" {
		all = append(all, invalid("scope", fmt.Sprintf("%q is unknown", c.Scope), "namespace or cluster"))
	}
	return errors.Join(all...)
}

func (c Config) checkTimes() error {
	var all []error
	if c.TTL < time.Second || c.TTL > longestTTL {
		all = append(all, invalid("ttl", fmt.Sprintf("%s is not between 1s and %s", c.TTL, longestTTL), "write 3 × the repeat_interval of the route, such as 3m"))
	}
	if c.LateWindow <= 0 || c.LateWindow > longestWindow {
		all = append(all, invalid("lateWindow", fmt.Sprintf("%s is not above 0 and at most %s", c.LateWindow, longestWindow), "leave it at 60s"))
	}
	return errors.Join(all...)
}

func (c Config) checkReconcile() error {
	var all []error
	for _, address := range c.Reconcile {
		u, err := url.Parse(address)
		switch {
		case err != nil:
			all = append(all, invalid("reconcile", "contains a text that is not a URL", "")) // It may hold a password, so it is not repeated.
		case u.User != nil:
			all = append(all, invalid("reconcile", "contains credentials", "put them in a Secret, with authModes: basic and an authenticationRef"))
		case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.RawQuery != "", u.Fragment != "":
			all = append(all, invalid("reconcile", fmt.Sprintf("%q is not the base URL of an Alertmanager", address), "write http://HOST:9093"))
		}
	}
	if len(c.Reconcile) > maxServers {
		all = append(all, invalid("reconcile", fmt.Sprintf("names %d servers, more than %d", len(c.Reconcile), maxServers), ""))
	}
	if c.Receiver != "" && len(c.Reconcile) == 0 {
		all = append(all, invalid("receiver", "is of no use without reconcile", ""))
	}
	if _, err := httpauth.Parse(c.AuthModes); err != nil {
		all = append(all, err)
	} else if c.AuthModes != "" && len(c.Reconcile) == 0 {
		all = append(all, invalid("authModes", "is of no use without reconcile", "the credentials of senders are configured with impulse run"))
	}
	return errors.Join(all...)
}

// Servers returns the servers that credentials are sent to.
func (c Config) Servers() []string { return c.Reconcile }

// Trigger returns how the level is used: it is valid until the alerts change.
func (c Config) Trigger() scalers.Trigger {
	switch {
	case c.Step != "":
		increment, _ := parseStep(c.Step) // Validate has checked it.
		return scalers.Trigger{Target: 1000, Exact: true, Continuous: true, Increment: increment}
	case c.Replicas != 0:
		return scalers.Trigger{Target: 1000, Exact: true, Continuous: true}
	default:
		return scalers.Trigger{Target: c.Threshold, Activation: c.ActivationThreshold, Continuous: true}
	}
}

// parseMatchers parses matchers as Alertmanager does: with the newer parser first, then with the classic one. The classic parser
// accepts unfinished text; that is refused here, with the error of the newer parser and its position.
func parseMatchers(text string) (labels.Matchers, error) {
	matchers, err := parse.Matchers(text)
	if err == nil {
		return matchers, nil
	}
	if classic, classicErr := labels.ParseMatchers(text); classicErr == nil && finished(text, classic) {
		return classic, nil
	}
	if strings.HasPrefix(err.Error(), "end of input") { // It has no position.
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
