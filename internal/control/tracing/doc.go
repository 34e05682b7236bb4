// Package tracing exports the spans of this process over OTLP, the protocol of OpenTelemetry. Exports are asynchronous and bounded: a
// collector that is slow or down loses spans, which are counted, and delays nothing.
package tracing
