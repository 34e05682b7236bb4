package resource

import (
	"errors"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of a cpu or memory trigger.
type Config struct {
	Value         scalers.Milli `json:"value" required:"true" doc:"Per pod: a percentage of its request (metricType Utilization, the default), such as 60, or an amount (AverageValue), such as 500m or 200Mi."`
	ContainerName string        `json:"containerName" doc:"Look at the container of this name only, not at the whole pod."`
}

// Validate returns every mistake at once.
func (c Config) Validate() error {
	if c.Value <= 0 {
		return errors.Join(wrong("value", "must be above 0", ""))
	}
	return nil
}

func wrong(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
