// Package kubernetes reads the metrics that metrics adapters, such as prometheus-adapter, serve through the API server, as a
// HorizontalPodAutoscaler does.
//
// It has three kinds: kubernetes-object and kubernetes-pods for custom.metrics.k8s.io, and kubernetes-external for
// external.metrics.k8s.io. All are sampled.
package kubernetes
