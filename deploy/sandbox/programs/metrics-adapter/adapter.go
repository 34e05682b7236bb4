package main

import (
	"context"
	"fmt"
	"math"
	"time"

	prometheus "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/metrics/pkg/apis/custom_metrics"
	"k8s.io/metrics/pkg/apis/external_metrics"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider/defaults"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider/helpers"
)

// adapter implements provider.MetricsProvider. It lists no metrics: an HPA needs no list.
type adapter struct {
	defaults.DefaultCustomMetricsProvider
	defaults.DefaultExternalMetricsProvider

	prometheus prometheus.API
	kinds      meta.RESTMapper
	objects    dynamic.Interface
}

// GetMetricByName returns the metric of one object. Without any series there is no such metric.
func (a *adapter) GetMetricByName(
	ctx context.Context, name types.NamespacedName, info provider.CustomMetricInfo, metric labels.Selector,
) (*custom_metrics.MetricValue, error) {
	values, err := a.values(ctx, name.Namespace, []string{name.Name}, info, metric)
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, provider.NewMetricNotFoundForError(info.GroupResource, info.Metric, name.Name)
	}
	return &values[0], nil
}

// GetMetricBySelector returns the metric of each object that a selector selects. An object without any series has none.
func (a *adapter) GetMetricBySelector(
	ctx context.Context, namespace string, selector labels.Selector, info provider.CustomMetricInfo, metric labels.Selector,
) (*custom_metrics.MetricValueList, error) {
	names, err := helpers.ListObjectNames(a.kinds, a.objects, namespace, selector, info)
	if err != nil {
		return nil, fmt.Errorf("list the %s of %s: %w", info.GroupResource, namespace, err)
	}
	if len(names) == 0 {
		return &custom_metrics.MetricValueList{}, nil
	}
	values, err := a.values(ctx, namespace, names, info, metric)
	return &custom_metrics.MetricValueList{Items: values}, err
}

// values returns the metric of those of the named objects that have any series.
func (a *adapter) values(
	ctx context.Context, namespace string, names []string, info provider.CustomMetricInfo, metric labels.Selector,
) ([]custom_metrics.MetricValue, error) {
	info, kind, err := info.Normalized(a.kinds)
	if err != nil {
		return nil, fmt.Errorf("find the kind of %s: %w", info.GroupResource, err)
	}
	object, err := helpers.ReferenceFor(a.kinds, types.NamespacedName{Namespace: namespace}, info)
	if err != nil {
		return nil, fmt.Errorf("find the kind of %s: %w", info.GroupResource, err)
	}
	series, err := selectorOf(info.Metric, namespace, metric, oneOf(kind, names))
	if err != nil {
		return nil, err
	}
	sums, err := a.query(ctx, fmt.Sprintf("sum by (%s) (%s)", kind, series))
	if err != nil {
		return nil, err
	}
	values := make([]custom_metrics.MetricValue, len(sums))
	for i, sum := range sums {
		object.Name = string(sum.Metric[model.LabelName(kind)])
		values[i] = custom_metrics.MetricValue{
			DescribedObject: object, Metric: custom_metrics.MetricIdentifier{Name: info.Metric}, Timestamp: metav1.NewTime(sum.Timestamp.Time()),
		}
		if values[i].Value, err = quantityOf(sum.Value); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// GetExternalMetric returns each series of a name and a namespace that a selector selects.
func (a *adapter) GetExternalMetric(
	ctx context.Context, namespace string, metric labels.Selector, info provider.ExternalMetricInfo,
) (*external_metrics.ExternalMetricValueList, error) {
	series, err := selectorOf(info.Metric, namespace, metric)
	if err != nil {
		return nil, err
	}
	all, err := a.query(ctx, series)
	if err != nil {
		return nil, err
	}
	list := &external_metrics.ExternalMetricValueList{Items: make([]external_metrics.ExternalMetricValue, len(all))}
	for i, one := range all {
		described := map[string]string{}
		for name, value := range one.Metric {
			described[string(name)] = string(value)
		}
		list.Items[i] = external_metrics.ExternalMetricValue{
			MetricName: info.Metric, MetricLabels: described, Timestamp: metav1.NewTime(one.Timestamp.Time()),
		}
		if list.Items[i].Value, err = quantityOf(one.Value); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// query evaluates an expression at the present time.
func (a *adapter) query(ctx context.Context, expression string) (model.Vector, error) {
	value, _, _, err := a.prometheus.Query(ctx, expression, time.Time{})
	if err != nil {
		return nil, apierrors.NewInternalError(fmt.Errorf("query Prometheus: %w", err))
	}
	vector, ok := value.(model.Vector)
	if !ok {
		return nil, apierrors.NewInternalError(fmt.Errorf("query Prometheus: the answer is a %s, not a vector", value.Type()))
	}
	return vector, nil
}

// quantityOf returns a sample in thousandths. One that is no number is an error.
func quantityOf(v model.SampleValue) (resource.Quantity, error) {
	if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
		return resource.Quantity{}, apierrors.NewInternalError(fmt.Errorf("the sample is %v", v))
	}
	return *resource.NewMilliQuantity(int64(math.Round(float64(v)*1000)), resource.DecimalSI), nil
}
