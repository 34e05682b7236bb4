// Package builtin lists the trigger kinds that are built in. Adding a folder with a kind and running go generate is all
// that it takes to add one.
package builtin

//go:generate go run ./gen
//go:generate go run ./reference ../../docs/triggers.md
//go:generate go run ./explained ../../deploy/crds/impulse.sh_scaledobjects.yaml
//go:generate go run ./schema ../../deploy/crds/impulse.sh_scaledobjects.yaml ../../deploy/schemas/scaledobject.json
