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
	TTL                 time.Duration `json:"ttl" doc:"How long a level counts without being pushed again, if the push has no ttl. Without it a level counts until it is replaced."`
	NATSURL             string        `json:"natsURL" doc:"Receives levels over NATS as well: the addresses of the servers, separated by commas, such as nats://nats.messaging:4222."`
	Subject             string        `json:"subject" doc:"With natsURL: the subject of core NATS to which levels are published."`
	Stream              string        `json:"stream" doc:"With natsURL, instead of subject: the JetStream stream that stores levels."`
	Consumer            string        `json:"consumer" doc:"With stream: the durable pull consumer, which must exist and must be used by this trigger only."`
	Domain              string        `json:"domain" doc:"With stream: the JetStream domain of the stream."`
	UnsafeSSL           bool          `json:"unsafeSsl" doc:"With natsURL: accept any server certificate."`
}

// Validate returns all mistakes.
func (c Config) Validate() error {
	return errors.Join(c.checkLevel(), c.checkNATS())
}

func (c Config) checkLevel() error {
	var mistakes []error
	if c.Threshold < 0 {
		mistakes = append(mistakes, wrong("threshold", "must be above 0", ""))
	}
	if c.Threshold == 0 {
		mistakes = append(mistakes, wrong("threshold", "is 0", "the level for one replica must be above 0"))
	}
	if c.TTL < 0 {
		mistakes = append(mistakes, wrong("ttl", fmt.Sprintf("%s is below 0", c.TTL), ""))
	}
	return errors.Join(mistakes...)
}

// Trigger returns how the level is evaluated: it counts until another one is pushed.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.Threshold, Activation: c.ActivationThreshold, Continuous: true}
}

func wrong(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}

// Servers returns the servers to which credentials are sent: those of NATS, or none.
func (c Config) Servers() []string {
	if c.NATSURL == "" {
		return nil
	}
	return strings.Split(c.NATSURL, ",")
}
