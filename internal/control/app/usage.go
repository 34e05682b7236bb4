package app

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/metrics/pkg/apis/metrics/v1beta1"
	metricsv1beta1 "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"
)

// podMetrics returns a client of the resource metrics API. It has no client-side rate limit, because the Poller limits the concurrent
// readings.
func podMetrics(config *rest.Config) (metricsv1beta1.PodMetricsesGetter, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := metricsv1beta1.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("set up the client of the resource metrics API: %w", err)
	}
	return client, nil
}

// podMetrics lists the usage of the pods of a namespace.
func (p *process) podMetrics(ctx context.Context, namespace string) (*v1beta1.PodMetricsList, error) {
	return p.usage.PodMetricses(namespace).List(ctx, metav1.ListOptions{})
}
