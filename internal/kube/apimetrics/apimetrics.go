package apimetrics

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/tools/metrics"
)

// Calls has the metrics of the requests of all clients of this process. client-go accepts one receiver for all of them, before it sends the
// first request.
var Calls prometheus.Collector = registered()

// registered returns calls that receive the measurements of client-go.
func registered() *calls {
	c := newCalls()
	metrics.Register(metrics.RegisterOpts{RequestResult: c, RequestLatency: latency{c.duration}, RateLimiterLatency: latency{c.wait}})
	return c
}

// calls implements metrics.ResultMetric.
type calls struct {
	requests       *prometheus.CounterVec
	duration, wait *prometheus.HistogramVec
}

func newCalls() *calls {
	durations := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}, []string{"verb"})
	}
	return &calls{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_api_requests_total", Help: "Requests to the API server, by HTTP method and status code; error means that there was no response.",
		}, []string{"verb", "code"}),
		duration: durations("impulse_api_request_duration_seconds", "Seconds from a request to the API server to its response, by HTTP method. The opening of a watch is not included."),
		wait:     durations("impulse_api_rate_limiter_wait_seconds", "Seconds that requests to the API server waited for the client's own rate limit, by HTTP method. By default there is no such limit."),
	}
}

// Describe implements prometheus.Collector.
func (c *calls) Describe(out chan<- *prometheus.Desc) {
	for _, part := range []prometheus.Collector{c.requests, c.duration, c.wait} {
		part.Describe(out)
	}
}

// Collect implements prometheus.Collector.
func (c *calls) Collect(out chan<- prometheus.Metric) {
	for _, part := range []prometheus.Collector{c.requests, c.duration, c.wait} {
		part.Collect(out)
	}
}

// Increment implements metrics.ResultMetric.
func (c *calls) Increment(_ context.Context, code, method, _ string) {
	c.requests.WithLabelValues(verbOf(method), codeOf(code)).Inc()
}

// latency implements metrics.LatencyMetric.
type latency struct{ *prometheus.HistogramVec }

// Observe implements metrics.LatencyMetric.
func (l latency) Observe(_ context.Context, method string, _ url.URL, took time.Duration) {
	l.WithLabelValues(verbOf(method)).Observe(took.Seconds())
}

// verbOf returns the label of an HTTP method.
func verbOf(method string) string {
	if slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method) {
		return method
	}
	return "other"
}

// codeOf returns the label of the status code of a response; client-go has other texts where there was none.
func codeOf(code string) string {
	if n, err := strconv.Atoi(code); err == nil && n >= 100 && n < 600 {
		return code
	}
	return "error"
}
