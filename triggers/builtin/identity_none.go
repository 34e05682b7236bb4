//go:build nokeda

package builtin

import "github.com/impulse-sh/impulse/triggers"

// openWithIdentity is nil, because this build has no KEDA bridge.
var openWithIdentity func(name string) func(map[string]string, triggers.Env) (triggers.Source, error)
