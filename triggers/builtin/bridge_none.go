//go:build nokeda

package builtin

import "github.com/impulse-sh/impulse/triggers"

// openThroughBridge is nil, because this build has no KEDA bridge.
var openThroughBridge func(name string) func(map[string]string, triggers.Env) (triggers.Source, error)
