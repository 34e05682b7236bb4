package metricsapi

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	custommetrics "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	externalmetrics "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"

	"github.com/impulse-sh/impulse/internal/kube/typed"
	"github.com/impulse-sh/impulse/triggers"
)

// Client implements triggers.MetricsAPIs. It is safe for concurrent use.
type Client struct {
	rest      rest.Interface
	versions  versions
	resources resources
}

// New returns a client for the cluster of config, which is not changed. It does no I/O. There is no client-side rate limit, because the
// poller limits the concurrent readings.
func New(config *rest.Config) (*Client, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.RateLimiter = -1, nil
	config.NegotiatedSerializer = typed.Codecs.WithoutConversion()
	config.ContentType, config.AcceptContentTypes = "application/json", "application/json"
	config.Wrap(limitAnswers)
	unversioned, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("set up the client of the metrics APIs: %w", err)
	}
	c := &Client{rest: unversioned}
	c.versions = versions{rest: unversioned, now: time.Now}
	c.resources = resources{rest: unversioned}
	return c, nil
}

// ObjectMetric implements triggers.MetricsAPIs.
func (c *Client) ObjectMetric(ctx context.Context, object triggers.MetricObject, metric triggers.MetricQuery) (*custommetrics.MetricValue, error) {
	list, err := c.objectMetric(ctx, object, metric)
	if err != nil {
		return nil, err
	}
	if n := len(list.Items); n != 1 {
		return nil, triggers.VaryingErrorf("the adapter returned %d values for one object", n)
	}
	return &list.Items[0], nil
}

func (c *Client) objectMetric(ctx context.Context, object triggers.MetricObject, metric triggers.MetricQuery) (*custommetrics.MetricValueList, error) {
	if object.GroupKind == (schema.GroupKind{Kind: "Namespace"}) {
		return c.custom(ctx, metric, func(r *rest.Request) *rest.Request { return r.Resource("metrics").Name(metric.Name) })
	}
	resource, err := c.resources.find(ctx, object.GroupKind)
	if err != nil {
		return nil, err
	}
	return c.custom(ctx, metric, func(r *rest.Request) *rest.Request {
		return r.Resource(resource).Name(object.Name).SubResource(metric.Name)
	})
}

// PodsMetric implements triggers.MetricsAPIs.
func (c *Client) PodsMetric(ctx context.Context, podSelector string, metric triggers.MetricQuery) (*custommetrics.MetricValueList, error) {
	return c.custom(ctx, metric, func(r *rest.Request) *rest.Request {
		r = r.Resource("pods").Name(custommetrics.AllObjects).SubResource(metric.Name)
		if podSelector != "" {
			r = r.Param("labelSelector", podSelector)
		}
		return r
	})
}

// custom reads from custom.metrics.k8s.io. address adds what the metric describes to the request.
func (c *Client) custom(
	ctx context.Context, metric triggers.MetricQuery, address func(*rest.Request) *rest.Request,
) (*custommetrics.MetricValueList, error) {
	version, err := c.versions.preferred(ctx)
	if err != nil {
		return nil, err
	}
	r := address(c.rest.Get().AbsPath("/apis", version.Group, version.Version).Namespace(metric.Namespace))
	if metric.Selector != "" {
		r = r.Param("metricLabelSelector", metric.Selector)
	}
	result := r.MaxRetries(0).Do(ctx)
	if err := result.Error(); err != nil { // Unlike that of Raw, it has the adapter's message.
		return nil, err
	}
	answer, err := result.Raw()
	if err != nil {
		return nil, err
	}
	return decodeValues(answer)
}

// ExternalMetric implements triggers.MetricsAPIs. The request has the name of the metric in lower case, as that of a HorizontalPodAutoscaler.
func (c *Client) ExternalMetric(ctx context.Context, metric triggers.MetricQuery) (*externalmetrics.ExternalMetricValueList, error) {
	version := externalmetrics.SchemeGroupVersion
	r := c.rest.Get().AbsPath("/apis", version.Group, version.Version).Namespace(metric.Namespace).Resource(metric.Name)
	if metric.Selector != "" {
		r = r.Param("labelSelector", metric.Selector)
	}
	result := r.MaxRetries(0).Do(ctx)
	if err := result.Error(); err != nil { // Unlike that of Raw, it has the adapter's message.
		return nil, err
	}
	answer, err := result.Raw()
	if err != nil {
		return nil, err
	}
	var list externalmetrics.ExternalMetricValueList
	if err := json.Unmarshal(answer, &list); err != nil {
		return nil, fmt.Errorf("decode the adapter's answer: %w", err)
	}
	return &list, nil
}
