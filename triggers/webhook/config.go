package webhook

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of a webhook trigger.
type Config struct {
	Hook                string        `json:"hook" required:"true" doc:"The last part of the path that is posted to: /v1/webhook/NAMESPACE/HOOK. Several triggers may listen to one."`
	Format              string        `json:"format" doc:"json: body is what was posted. sns: body is the message in a notification of Amazon SNS, whose signature is verified."`
	TopicARN            string        `json:"topicARN" doc:"With format sns: the only topic whose notifications count, and whose subscription is confirmed."`
	Each                string        `json:"each" doc:"CEL for a list: the message states one level for each element, which the other expressions see as item."`
	Match               string        `json:"match" doc:"CEL for a boolean: whether a message concerns this trigger. Nothing: each does."`
	Value               string        `json:"value" doc:"CEL for a number: the level. Nothing: 1."`
	Key                 string        `json:"key" doc:"CEL for text that tells levels apart which exist side by side, such as one for each job."`
	While               string        `json:"while" doc:"CEL for a boolean: false ends the level of this key; without key, the level is then 0. Nothing: true."`
	At                  string        `json:"at" doc:"CEL for a timestamp, RFC 3339 text or Unix seconds: when the level became true. An older one is ignored. Nothing: when it was received."`
	TTL                 time.Duration `json:"ttl" doc:"How long a level counts without being repeated. Nothing: until it is replaced or ended."`
	Aggregation         string        `json:"aggregation" doc:"With key, how several levels become one: sum, max or count."`
	Replicas            int32         `json:"replicas" doc:"Replicas while a level is on. Either this or threshold."`
	Threshold           scalers.Milli `json:"threshold" doc:"The level that one replica should have (metricType AverageValue) or the workload should have (Value)."`
	ActivationThreshold scalers.Milli `json:"activationThreshold" doc:"With threshold: the trigger is active above this level."`
}

// defaults is the config of a user who set nothing.
func defaults() Config { return Config{Format: formatJSON, Aggregation: "sum"} }

const (
	formatJSON = "json"
	formatSNS  = "sns"
)

// hookName is what a hook may be called: it is part of a path.
var hookName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// Validate returns every mistake at once.
func (c Config) Validate() error {
	_, err := compile(c)
	return errors.Join(c.checkSource(), c.checkLevel(), err)
}

// checkSource says what is wrong with where messages come from.
func (c Config) checkSource() error {
	var mistakes []error
	if c.Hook != "" && !hookName.MatchString(c.Hook) {
		mistakes = append(mistakes, wrong("hook", fmt.Sprintf("%.100q cannot be part of a path", c.Hook), "write lower-case letters, digits and -, at most 63, such as github"))
	}
	switch c.Format {
	case formatJSON:
		if c.TopicARN != "" {
			mistakes = append(mistakes, wrong("topicARN", "is of no use without format sns", "write format: sns"))
		}
	case formatSNS:
		if _, err := hostOf(c.TopicARN); err != nil {
			mistakes = append(mistakes, wrong("topicARN", err.Error(), "such as arn:aws:sns:eu-central-1:123456789012:alarms"))
		}
	default:
		mistakes = append(mistakes, wrong("format", fmt.Sprintf("%.100q is unknown", c.Format), "json or sns"))
	}
	return errors.Join(mistakes...)
}

// checkLevel says what is wrong with what is made of them.
func (c Config) checkLevel() error {
	var mistakes []error
	add := func(field, problem, suggestion string) {
		mistakes = append(mistakes, wrong(field, problem, suggestion))
	}
	switch {
	case c.Replicas == 0 && c.Threshold == 0:
		add("replicas", "is required, or threshold", "replicas: N while a level is on, or threshold for a number")
	case c.Replicas != 0 && c.Threshold != 0:
		add("threshold", "has no effect with replicas", "remove one of them")
	case c.Replicas < 0:
		add("replicas", fmt.Sprintf("%d is below 0", c.Replicas), "")
	case c.Threshold < 0:
		add("threshold", "must be above 0", "")
	}
	if c.Replicas != 0 && (c.Value != "" || c.ActivationThreshold != 0) {
		add("replicas", "is wanted whatever the level", "value and activationThreshold go with threshold; while says whether a level is on")
	}
	if c.Aggregation != "sum" && c.Aggregation != "max" && c.Aggregation != "count" {
		add("aggregation", fmt.Sprintf("%.100q is unknown", c.Aggregation), "sum, max or count")
	}
	if c.TTL < 0 {
		add("ttl", fmt.Sprintf("%s is below 0", c.TTL), "")
	}
	if c.Each != "" && c.Key == "" {
		add("key", "is required with each", "what tells the elements apart, such as item.fingerprint")
	}
	return errors.Join(mistakes...)
}

// Trigger says how the level is read: it stands until another is sent.
func (c Config) Trigger() scalers.Trigger {
	if c.Replicas != 0 {
		return scalers.Trigger{Target: 1000, Exact: true, Continuous: true}
	}
	return scalers.Trigger{Target: c.Threshold, Activation: c.ActivationThreshold, Continuous: true}
}

func wrong(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
