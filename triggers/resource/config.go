package resource

import (
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of a cpu or memory trigger.
type Config struct {
	Value         scalers.Milli `json:"value" required:"true" doc:"Per pod: a percentage of its request (metricType Utilization, the default), such as 60, or an amount (AverageValue), such as 500m or 200Mi."`
	ContainerName string        `json:"containerName" doc:"Look at the container of this name only, not at the whole pod."`
}

// CPUConfig is the metadata of a cpu trigger.
type CPUConfig Config

// MemoryConfig is the metadata of a memory trigger.
type MemoryConfig Config

// Validate returns every mistake at once.
func (c CPUConfig) Validate() error { return Config(c).validate() }

// Validate returns every mistake at once.
func (c MemoryConfig) Validate() error { return Config(c).validate() }

// Trigger says how the level is read. What a pod uses of the CPU while it warms up says nothing of the load.
func (c CPUConfig) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.Value, PerPod: true, CPU: true}
}

// Trigger says how the level is read.
func (c MemoryConfig) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: c.Value, PerPod: true}
}

func (c Config) validate() error {
	if c.Value <= 0 {
		return &triggers.FieldError{Field: "value", Problem: "must be above 0"}
	}
	return nil
}
