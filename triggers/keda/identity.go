package keda

import (
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/replicas"
)

// OpenWithIdentity returns Kind.OpenWithIdentity for a type that Impulse reads by itself without a podIdentity. The level is the value that
// KEDA's scaler measures, and the target and the activation value are those of the type, as without one.
func OpenWithIdentity(name string) func(metadata map[string]string, env triggers.Env) (triggers.Source, error) {
	return func(metadata map[string]string, env triggers.Env) (triggers.Source, error) {
		return newSource(name, Config{metadata}, env, func(m replicas.Measurement) scalers.Event { return m.Event(true) })
	}
}
