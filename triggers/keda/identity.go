package keda

import (
	"maps"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/replicas"
)

// unknowns are metadata with which a scaler returns an error instead of 0 for a missing value, by the type. The trigger's own metadata take
// precedence.
var unknowns = map[string]map[string]string{"prometheus": {"ignoreNullValues": "false"}}

// OpenWithIdentity returns Kind.OpenWithIdentity for a type that Impulse reads by itself without a podIdentity. The level is the value that
// KEDA's scaler measures, and the target and the activation are those of the type, as without one.
func OpenWithIdentity(name string) func(metadata map[string]string, env triggers.Env) (triggers.Source, error) {
	return func(metadata map[string]string, env triggers.Env) (triggers.Source, error) {
		all := maps.Clone(unknowns[name])
		if all == nil {
			all = map[string]string{}
		}
		maps.Copy(all, metadata)
		return newSource(name, Config{all}, env, func(m replicas.Measurement) scalers.Event { return m.Event(true) })
	}
}
