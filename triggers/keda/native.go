package keda

import (
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/replicas"
)

// OpenThroughBridge returns Kind.OpenThroughBridge for a type whose triggers Impulse reads itself, except those with a Limit. The level is the
// value that KEDA's scaler measures, and the target is that of the type, as without the bridge. The scaler decides whether the trigger is
// active.
func OpenThroughBridge(name string) func(metadata map[string]string, env triggers.Env) (triggers.Source, error) {
	return func(metadata map[string]string, env triggers.Env) (triggers.Source, error) {
		return newSource(name, Config{metadata}, env, func(m replicas.Measurement) scalers.Event { return nativeEvent(m, env.Input) })
	}
}

// nativeEvent returns the event for a measurement of a type with a target of its own. input is true for the argument of a formula.
func nativeEvent(m replicas.Measurement, input bool) scalers.Event {
	e := m.Event(true)
	switch {
	case input || e.Err != nil:
	case m.Active:
		e.Activity = scalers.ActiveBySource
	default:
		e.Activity = scalers.InactiveBySource
	}
	return e
}
