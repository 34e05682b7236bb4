// Package metricsapi reads custom.metrics.k8s.io and external.metrics.k8s.io, which metrics adapters serve, as a HorizontalPodAutoscaler
// does: with the version of custom.metrics.k8s.io that the API server prefers, and with v1beta1 of external.metrics.k8s.io.
//
// The clients of k8s.io/metrics take no context, so a request could not be cancelled. Client sends the same requests itself, and decodes
// the answers with their converter.
package metricsapi
