//go:build !nokeda

package builtin

import "github.com/impulse-sh/impulse/triggers/keda"

// openThroughBridge returns Kind.OpenThroughBridge for a kind with Limits.
var openThroughBridge = keda.OpenThroughBridge
