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
	return describe(triggers.Define("cpu", "What the target's pods use of their CPU, from the resource metrics API.", cpu{}, open), "60")
}

// Memory describes the trigger type memory.
func Memory() triggers.Kind {
	return describe(triggers.Define("memory", "What the target's pods use of their memory, from the resource metrics API.", memory{}, open), "80")
}

func describe(k triggers.Kind, value string) triggers.Kind {
	k.Metrics = []scalers.Metric{scalers.Utilization, scalers.AverageValue}
	k.Example = map[string]string{"value": value}
	return k
}

func open[C triggers.Config](C, triggers.Env) (triggers.Source, error) {
	return nil, errors.New("this process cannot read resource metrics")
}
