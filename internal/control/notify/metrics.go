package notify

import (
	"github.com/prometheus/client_golang/prometheus"
)

// The results of notifications.
const (
	resultSent     = "sent"
	resultRejected = "rejected"
	resultExpired  = "expired"
	resultDropped  = "dropped"
	resultLost     = "lost"
)

// Metrics are the metrics of all sinks.
type Metrics struct {
	total   *prometheus.CounterVec
	retries *prometheus.CounterVec
	length  *prometheus.Desc
	oldest  *prometheus.Desc
}

func newMetrics() *Metrics {
	return &Metrics{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_notifications_total",
			Help: "Notifications that left the queue of a sink, by result: sent, rejected by the sink, expired, dropped because the queue was full, or lost at the end of the process or of the sink.",
		}, []string{"sink", "result"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_notification_retries_total", Help: "Failed tries to send a notification that are repeated, by sink.",
		}, []string{"sink"}),
		length: prometheus.NewDesc("impulse_notification_queue_length", "Notifications that wait to be sent, by sink.", []string{"sink"}, nil),
		oldest: prometheus.NewDesc("impulse_notification_oldest_timestamp_seconds",
			"Unix time of the oldest notification that waits to be sent, by sink; no value if none waits.", []string{"sink"}, nil),
	}
}

// count counts notifications.
func (m *Metrics) count(sink, result string, n int) {
	m.total.WithLabelValues(sink, result).Add(float64(n))
}

// retry counts a failed try.
func (m *Metrics) retry(sink string) { m.retries.WithLabelValues(sink).Inc() }

// begin creates the counters of a sink, so that their first increase is visible.
func (m *Metrics) begin(sink string) {
	for _, result := range []string{resultSent, resultRejected, resultExpired, resultDropped, resultLost} {
		m.total.WithLabelValues(sink, result)
	}
	m.retries.WithLabelValues(sink)
}

// forget removes the counters of a sink.
func (m *Metrics) forget(sink string) {
	m.total.DeletePartialMatch(prometheus.Labels{"sink": sink})
	m.retries.DeletePartialMatch(prometheus.Labels{"sink": sink})
}

// Describe implements prometheus.Collector.
func (n *Notifier) Describe(to chan<- *prometheus.Desc) {
	n.metrics.total.Describe(to)
	n.metrics.retries.Describe(to)
	to <- n.metrics.length
	to <- n.metrics.oldest
}

// Collect implements prometheus.Collector.
func (n *Notifier) Collect(to chan<- prometheus.Metric) {
	n.metrics.total.Collect(to)
	n.metrics.retries.Collect(to)
	for name, s := range *n.sinks.Load() {
		waiting, oldest := s.state()
		to <- prometheus.MustNewConstMetric(n.metrics.length, prometheus.GaugeValue, float64(waiting), name)
		if waiting > 0 {
			to <- prometheus.MustNewConstMetric(n.metrics.oldest, prometheus.GaugeValue, float64(oldest.UnixMilli())/1000, name)
		}
	}
}
