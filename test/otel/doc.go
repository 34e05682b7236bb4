// Package otel tests the export of traces against a real OpenTelemetry collector. It is a module of its own, because a collector has many
// dependencies: `make otel-test` runs it.
package otel
