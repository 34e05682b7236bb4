// Package resource reads what pods use of a resource, as a HorizontalPodAutoscaler does: from the resource metrics API,
// which is most often served by metrics-server.
//
// It has two kinds, cpu and memory. Both are sampled: a namespace is read once per pollingInterval for all triggers of all
// objects in it, and each trigger looks at the pods of its own target.
package resource

import (
	"errors"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// CPU describes the trigger type cpu.
func CPU() triggers.Kind {
	return define("cpu", "What the target's pods use of their CPU, from the resource metrics API.", "60")
}

// Memory describes the trigger type memory.
func Memory() triggers.Kind {
	return define("memory", "What the target's pods use of their memory, from the resource metrics API.", "80")
}

func define(name, summary, value string) triggers.Kind {
	k := triggers.Define(name, summary, Config{}, open)
	k.Example = map[string]string{"value": value}
	return k
}

// Trigger says how the level is read.
func (c Config) Trigger() scalers.Trigger { return scalers.Trigger{Target: c.Value} }

func open(Config, triggers.Env) (triggers.Source, error) {
	return nil, errors.New("this process cannot read resource metrics")
}
