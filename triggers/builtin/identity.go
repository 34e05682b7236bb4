//go:build !nokeda

package builtin

import "github.com/impulse-sh/impulse/triggers/keda"

// openWithIdentity returns Kind.OpenWithIdentity for a kind that cannot use a podIdentity by itself.
var openWithIdentity = keda.OpenWithIdentity
