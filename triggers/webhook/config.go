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
	Hook                string        `json:"hook" required:"true" doc:"The last element of the path /v1/webhook/NAMESPACE/HOOK that messages are posted to. Several triggers may have the same hook."`
	Format              string        `json:"format" doc:"json: body is the posted JSON. sns: body is the message in a notification of Amazon SNS, whose signature is verified."`
	TopicARN            string        `json:"topicARN" doc:"With format sns: the only topic whose notifications are accepted and whose subscription is confirmed."`
	Each                string        `json:"each" doc:"CEL expression for a list: the message has one level for each element, which the other expressions refer to as item."`
	Match               string        `json:"match" doc:"CEL expression for a boolean: whether a message concerns this trigger. Without it every message does."`
	Value               string        `json:"value" doc:"CEL expression for a number: the level. Without it the level is 1."`
	Key                 string        `json:"key" doc:"CEL expression for text that distinguishes levels which exist at the same time, such as one for each job."`
	While               string        `json:"while" doc:"CEL expression for a boolean: false ends the level of this key; without key, the level is then 0. Without it the level never ends this way."`
	At                  string        `json:"at" doc:"CEL expression for a timestamp, RFC 3339 text or Unix seconds: when the level became valid. A level older than the recorded one is ignored. Without it the time of receipt is used."`
	TTL                 time.Duration `json:"ttl" doc:"How long a level counts without being repeated. Without it a level counts until it is replaced or ended."`
	Aggregation         string        `json:"aggregation" doc:"With key: how several levels are aggregated: sum, max or count."`
	Replicas            int32         `json:"replicas" doc:"The number of replicas while at least one level has not ended (by while, or with key by ttl). Set either this or threshold."`
	Threshold           scalers.Milli `json:"threshold" doc:"The level that one replica should have (metricType AverageValue) or the workload should have (Value)."`
	ActivationThreshold scalers.Milli `json:"activationThreshold" doc:"With threshold: the trigger is active above this level."`
}

// defaults returns the default config.
func defaults() Config { return Config{Format: formatJSON, Aggregation: "sum"} }

const (
	formatJSON = "json"
	formatSNS  = "sns"
)

// hookName is the form of a hook, which is an element of a path.
var hookName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// Validate returns all mistakes.
func (c Config) Validate() error {
	_, err := compile(c)
	return errors.Join(c.checkSource(), c.checkLevel(), err)
}

// checkSource checks the parameters about the messages.
func (c Config) checkSource() error {
	var mistakes []error
	if c.Hook != "" && !hookName.MatchString(c.Hook) {
		mistakes = append(mistakes, wrong("hook", fmt.Sprintf("%.100q is not the name of a hook", c.Hook), "write lower-case letters, digits and -, at most 63, such as github"))
	}
	switch c.Format {
	case formatJSON:
		if c.TopicARN != "" {
			mistakes = append(mistakes, wrong("topicARN", "has no effect without format sns", "write format: sns"))
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

// checkLevel checks the parameters about the level.
func (c Config) checkLevel() error {
	var mistakes []error
	add := func(field, problem, suggestion string) {
		mistakes = append(mistakes, wrong(field, problem, suggestion))
	}
	switch {
	case c.Replicas == 0 && c.Threshold == 0:
		add("replicas", "is required, or threshold", "write replicas for a fixed count while a level has not ended, or threshold for a count in proportion to the level")
	case c.Replicas != 0 && c.Threshold != 0:
		add("threshold", "has no effect with replicas", "remove one of them")
	case c.Replicas < 0:
		add("replicas", fmt.Sprintf("%d is below 0", c.Replicas), "")
	case c.Threshold < 0:
		add("threshold", "must be above 0", "")
	}
	if c.Replicas != 0 && (c.Value != "" || c.ActivationThreshold != 0) {
		add("replicas", "does not depend on the level", "value and activationThreshold need threshold; the expression of the parameter while decides when a level ends")
	}
	if c.Aggregation != "sum" && c.Aggregation != "max" && c.Aggregation != "count" {
		add("aggregation", fmt.Sprintf("%.100q is unknown", c.Aggregation), "sum, max or count")
	}
	if c.TTL < 0 {
		add("ttl", fmt.Sprintf("%s is below 0", c.TTL), "")
	}
	if c.Each != "" && c.Key == "" {
		add("key", "is required with each", "what distinguishes the elements, such as item.fingerprint")
	}
	return errors.Join(mistakes...)
}

// Trigger returns how the level is evaluated. It is continuous: it holds until the source reports another one.
func (c Config) Trigger() scalers.Trigger {
	if c.Replicas != 0 {
		return scalers.Trigger{Target: 1000, Exact: true, Continuous: true}
	}
	return scalers.Trigger{Target: c.Threshold, Activation: c.ActivationThreshold, Continuous: true}
}

func wrong(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
