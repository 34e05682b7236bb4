package push

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of a push trigger.
type Config struct {
	Threshold           scalers.Milli `json:"threshold" required:"true" doc:"The level that one replica should have (metricType AverageValue) or the workload should have (Value)."`
	ActivationThreshold scalers.Milli `json:"activationThreshold" doc:"The trigger is active above this level."`
	TTL                 time.Duration `json:"ttl" doc:"How long a level counts without being pushed again, for pushes that do not say. Nothing: until it is replaced."`
	NATSURL             string        `json:"natsURL" doc:"Levels come over NATS as well: where clients connect, such as nats://nats.messaging:4222; several are separated by commas."`
	Subject             string        `json:"subject" doc:"With natsURL: the subject of core NATS that levels are published to."`
	Stream              string        `json:"stream" doc:"With natsURL, instead of subject: the JetStream stream that keeps levels."`
	Consumer            string        `json:"consumer" doc:"With stream: the durable pull consumer that this trigger alone uses; it must exist."`
	Domain              string        `json:"domain" doc:"With stream: its JetStream domain."`
	UnsafeSSL           bool          `json:"unsafeSsl" doc:"With natsURL: accept any certificate."`
}

// Validate returns every mistake at once.
func (c Config) Validate() error {
	return errors.Join(c.checkLevel(), c.checkNATS())
}

func (c Config) checkLevel() error {
	var mistakes []error
	if c.Threshold < 0 {
		mistakes = append(mistakes, wrong("threshold", "must be above 0", ""))
	}
	if c.Threshold == 0 {
		mistakes = append(mistakes, wrong("threshold", "is 0", "the level that one replica should have is above 0"))
	}
	if c.TTL < 0 {
		mistakes = append(mistakes, wrong("ttl", fmt.Sprintf("%s is below 0", c.TTL), ""))
	}
	return errors.Join(mistakes...)
}

// Trigger says how the level is read: it stands until another is pushed.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.Threshold, Activation: c.ActivationThreshold, Continuous: true}
}

func wrong(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}

// Servers are where credentials are sent: nowhere, unless levels come over NATS as well.
func (c Config) Servers() []string {
	if c.NATSURL == "" {
		return nil
	}
	return strings.Split(c.NATSURL, ",")
}
