//go:build !nokeda

package builtin

import "github.com/impulse-sh/impulse/triggers/keda"

func init() { openWithIdentity = keda.OpenWithIdentity }
