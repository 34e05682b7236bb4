package status

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
)

// Metrics are the metrics of decisions and writes.
type Metrics struct {
	decisions     prometheus.Counter
	scaleWrites   *prometheus.CounterVec
	statusWrites  *prometheus.CounterVec
	latency       prometheus.Histogram
	triggerErrors *prometheus.CounterVec
	replicas      *prometheus.GaugeVec
}

// NewMetrics returns Metrics that are registered.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		decisions: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "impulse_decisions_total", Help: "Decisions, including those that did not change the count.",
		}),
		scaleWrites: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_scale_writes_total", Help: "Writes of scale subresources, by result: success, conflict, not_found, forbidden, denied, altered, throttled or error.",
		}, []string{"result"}),
		statusWrites: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_status_writes_total", Help: "Writes of the status of ScaledObjects, by result: success or error.",
		}, []string{"result"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "impulse_event_to_write_seconds", Help: "Seconds from an event to the end of the write of the count that it caused.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
		triggerErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_trigger_errors_total", Help: "Readings that failed or were unusable, by type of trigger.",
		}, []string{"type"}),
		replicas: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "impulse_desired_replicas", Help: "Desired replica count of a ScaledObject, by the latest decision.",
		}, []string{"namespace", "scaledobject"}),
	}
	r.MustRegister(m.decisions, m.scaleWrites, m.statusWrites, m.latency, m.triggerErrors, m.replicas)
	return m
}

// observe counts one outcome.
func (m *Metrics) observe(p *autoscaler.Outcome) {
	if w := p.Write; w != nil {
		m.scaleWrites.WithLabelValues(resultOf(w.Err)).Inc()
		if w.Err == nil && w.Latency >= 0 {
			m.latency.Observe(w.Latency.Seconds())
		}
	}
	for i := range p.Events {
		if p.Arrived&(1<<i) != 0 && p.Events[i].Err != nil {
			m.triggerErrors.WithLabelValues(p.Workload.Triggers[i].Kind.Name).Inc()
		}
	}
	if p.Fresh {
		m.decisions.Inc()
		m.replicas.WithLabelValues(p.Workload.Namespace, p.Workload.Name).Set(float64(p.Decision.Replicas))
	}
}

// resultOf returns the result label of a write.
func resultOf(err error) string {
	switch {
	case err == nil:
		return "success"
	case errors.Is(err, actuator.ErrConflict):
		return "conflict"
	case errors.Is(err, actuator.ErrNotFound), errors.Is(err, actuator.ErrNoScale):
		return "not_found"
	case errors.Is(err, actuator.ErrForbidden):
		return "forbidden"
	case errors.Is(err, actuator.ErrDenied):
		return "denied"
	case errors.Is(err, actuator.ErrAltered):
		return "altered"
	case errors.Is(err, actuator.ErrThrottled):
		return "throttled"
	default:
		return "error"
	}
}

// forget removes the gauge of a deleted object.
func (m *Metrics) forget(namespace, name string) {
	m.replicas.DeleteLabelValues(namespace, name)
}

// Reset removes the gauges of all objects: the next leader reports them.
func (m *Metrics) Reset() { m.replicas.Reset() }
