// Package manifests has the permissions of deploy/manifests, which are made from the chart. impulse doctor compares those of an installation with
// them.
package manifests

import _ "embed"

// The permissions of Impulse.
var (
	// Permissions are those of every installation.
	//go:embed rbac.yaml
	Permissions string
	// KEDA are those of impulse run --watch-keda.
	//go:embed keda.yaml
	KEDA string
	// Admission are the admission webhook with its permissions.
	//go:embed admission.yaml
	Admission string
)
