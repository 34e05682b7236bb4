package endpoints

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/internal/ingest/store"
)

// Results of a message.
const (
	recorded    = "recorded"
	ignored     = "ignored"
	invalid     = "invalid"
	unverified  = "unverified"
	unavailable = "unavailable"
	limited     = "limited"
)

// metrics count messages to trigger endpoints, and alerts and levels. A message over HTTP to an endpoint that exists is counted once, after
// it was recorded or refused. Messages over NATS that are recorded together count as one, at each attempt to record them.
type metrics struct {
	messages *prometheus.CounterVec
	alerts   *prometheus.CounterVec
	samples  *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_messages_total",
			Help: "Messages to trigger endpoints, by endpoint (webhook, push, nats, remote-write) and result: recorded (write requests: passed to triggers), ignored (they concern no trigger), invalid, unverified, unavailable (not recorded, or not decoded at the moment), limited (the namespace has spent its budget of evaluations).",
		}, []string{"endpoint", "result"}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_alerts_received_total", Help: "Alerts and levels that were recorded, received over HTTP or NATS, by result: changed, repeated, unselected (no object selects them; also counted as changed or repeated); and alerts that were invalid.",
		}, []string{"result"}),
		samples: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_samples_received_total", Help: "Samples that Prometheus servers wrote, by result: passed (to triggers that name their metric or no metric), ignored (no trigger does), invalid (their labels). Native histograms are counted as well.",
		}, []string{"result"}),
	}
	r.MustRegister(m.messages, m.alerts, m.samples)
	return m
}

// countMessage counts a message to a trigger endpoint.
func (m *metrics) countMessage(endpoint, result string) {
	m.messages.WithLabelValues(endpoint, result).Inc()
}

// countInvalid counts the invalid alerts of a delivery whose other alerts, if there are any, were recorded.
func (m *metrics) countInvalid(n int) { m.alerts.WithLabelValues(invalid).Add(float64(n)) }

// countChanges counts the alerts that a delivery changed, even if not all of it was recorded: when it is repeated, they are repeats.
func (m *metrics) countChanges(r *store.Result) {
	m.alerts.WithLabelValues("changed").Add(float64(r.Changed))
}

// countAlerts counts the alerts of a recorded delivery.
func (m *metrics) countAlerts(r *store.Result, delivered int) {
	m.countChanges(r)
	m.alerts.WithLabelValues("repeated").Add(float64(delivered - r.Changed))
	m.alerts.WithLabelValues("unselected").Add(float64(delivered - r.Selected))
}
