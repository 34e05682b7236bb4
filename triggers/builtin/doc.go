// Package builtin lists the built-in trigger kinds. docs/adding-a-trigger.md says how to add one.
//
// The build tags noexternal, nokafka, nokeda, nomysql, nopostgresql, norabbitmq and noredis leave kinds and their client libraries out.
package builtin

//go:generate go run ./gen
//go:generate go run ./reference ../../docs/triggers.md
//go:generate go run ./explained ../../deploy/crds/impulse.sh_scaledobjects.yaml
//go:generate cp ../../deploy/crds/impulse.sh_scaledobjects.yaml ../../deploy/chart/files/crds/
//go:generate go run ./schema ../../deploy/crds/impulse.sh_scaledobjects.yaml ../../deploy/schemas/scaledobject.json
