package triggers

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"
	custommetrics "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	externalmetrics "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
)

// MetricsAPIs reads the metrics that metrics adapters serve through the API server, with the requests of a HorizontalPodAutoscaler.
type MetricsAPIs interface {
	// ObjectMetric reads a metric of one object from custom.metrics.k8s.io. The object is in the namespace of the metric; if it is a
	// Namespace, it is that namespace, whatever its name is.
	ObjectMetric(ctx context.Context, object MetricObject, metric MetricQuery) (*custommetrics.MetricValue, error)
	// PodsMetric reads a metric of all pods that a label selector selects from custom.metrics.k8s.io. Pods without a sample are missing
	// in the list.
	PodsMetric(ctx context.Context, podSelector string, metric MetricQuery) (*custommetrics.MetricValueList, error)
	// ExternalMetric reads a metric from external.metrics.k8s.io. The list has a value for each of its series.
	ExternalMetric(ctx context.Context, metric MetricQuery) (*externalmetrics.ExternalMetricValueList, error)
}

// MetricQuery names a metric of a metrics adapter.
type MetricQuery struct {
	Namespace, Name string
	// Selector is a label selector of the metric's labels; "" selects everything.
	Selector string
}

// MetricObject names the object that a metric describes.
type MetricObject struct {
	schema.GroupKind

	Name string
}
