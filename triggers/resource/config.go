package resource

import (
	"errors"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of a cpu or memory trigger.
type Config struct {
	Value         scalers.Milli `json:"value" required:"true" doc:"Per pod: a percentage of its request (metricType Utilization, the default), such as 60, or an amount (AverageValue), such as 500m or 200Mi."`
	ContainerName string        `json:"containerName" doc:"Measure only the container with this name, instead of the whole pod."`
}

// Validate returns every mistake, joined.
func (c Config) Validate() error {
	if c.Value <= 0 {
		return errors.Join(invalid("value", "must be above 0", ""))
	}
	return nil
}

// The configs of the two kinds. They differ in how the core interprets their levels.
type (
	cpu    Config
	memory Config
)

// Validate returns every mistake, joined.
func (c cpu) Validate() error { return Config(c).Validate() }

// Trigger returns how the core interprets the level: pods that still start do not count.
func (c cpu) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.Value, PerPod: true, CPU: true}
}

// Validate returns every mistake, joined.
func (c memory) Validate() error { return Config(c).Validate() }

// Trigger returns how the core interprets the level.
func (c memory) Trigger() scalers.Trigger { return scalers.Trigger{Target: c.Value, PerPod: true} }

// invalid returns a mistake in a field.
func invalid(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
