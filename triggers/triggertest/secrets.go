package triggertest

import (
	"context"
	"maps"
	"slices"

	"github.com/impulse-sh/impulse/triggers"
)

// Secrets returns parameters of an authenticationRef. The map may be changed between two readings, as a rotation does.
func Secrets(values map[string]string) triggers.Secrets {
	some := SecretsFunc(func(_ context.Context, parameter string) (string, error) { return values[parameter], nil })
	return func(ctx context.Context, parameters ...string) (map[string]string, error) {
		if len(parameters) == 0 {
			parameters = slices.Collect(maps.Keys(values))
		}
		return some(ctx, parameters...)
	}
}

// SecretsFunc returns parameters of an authenticationRef that a function reads one by one. A parameter with the value "" is missing.
func SecretsFunc(read func(ctx context.Context, parameter string) (string, error)) triggers.Secrets {
	return func(ctx context.Context, parameters ...string) (map[string]string, error) {
		values := map[string]string{}
		for _, parameter := range parameters {
			value, err := read(ctx, parameter)
			if err != nil {
				return nil, err
			}
			if value != "" {
				values[parameter] = value
			}
		}
		return values, nil
	}
}
