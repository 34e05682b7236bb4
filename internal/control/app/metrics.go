package app

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/internal/kube/apimetrics"
	"github.com/impulse-sh/impulse/internal/kube/writes"
	"github.com/impulse-sh/impulse/triggers"
)

// registerMetrics registers the metrics of the process, beside those that its parts register themselves.
func (p *process) registerMetrics() {
	p.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), apimetrics.Calls)
	p.metrics = status.NewMetrics(p.registry)
	p.writes = newStateWrites(p.registry)
	p.gate = writes.New()
	p.panics = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "impulse_trigger_panics_total", Help: "Panics of triggers, which are defects of Impulse; the log has their stacks. The trigger is unknown until it was started again. Panics of a reading are errors of that reading instead.",
	})
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "impulse_build_info", Help: "1 for the version of Impulse, and of Go, that this process was built with.",
	}, []string{"version", "goversion"})
	build.WithLabelValues(p.options.Version, runtime.Version()).Set(1)
	p.registry.MustRegister(
		build, p.gate, p.panics,
		status.ObjectMetrics{Leader: p.leader},
		queueLengths(map[string]func() int{
			"readings": p.waiting((*status.Reporter).WaitingReadings), "statuses": p.waiting((*status.Reporter).WaitingStatuses),
			"alerts": func() int { return p.alerts.Waiting() }, "polls": p.poller.Waiting,
			"spans": func() int { return p.tracing.Waiting() },
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "impulse_leader", Help: "1 while this process leads, and may therefore decide and write, otherwise 0.",
		}, func() float64 {
			if p.leading() {
				return 1
			}
			return 0
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "impulse_leader_changes_total", Help: "Changes of leader that this process has seen: another process leads than before.",
		}, func() float64 { return float64(p.elector.Changes()) }),
	)
}

// triggerPanicked counts and logs a panic of a trigger.
func (p *process) triggerPanicked(namespace, object, trigger string, cause *triggers.PanicError) {
	p.panics.Inc()
	p.log.Error("a trigger panicked: it is started again after a pause", "namespace", namespace, "object", object, "trigger", trigger,
		"panic", cause.Value, "stack", string(cause.Stack))
}

// leader returns the reporter while this process leads, and otherwise nil.
func (p *process) leader() *status.Reporter {
	if !p.leading() {
		return nil
	}
	return p.reporter.Load()
}

// waiting returns a function that returns a number of the leader; 0 in other processes.
func (p *process) waiting(of func(*status.Reporter) int) func() int {
	return func() int {
		if r := p.leader(); r != nil {
			return of(r)
		}
		return 0
	}
}

// queueLengths exports the lengths of queues by their names.
type queueLengths map[string]func() int

var queueDesc = prometheus.NewDesc("impulse_queue_length",
	"Length of a queue: readings (that wait for a decision), statuses (of ScaledObjects) and alerts (shards of the store) that wait to be written, polls (due readings of sources that wait for a slot), and spans (of traces that wait for their export).",
	[]string{"queue"}, nil)

// Describe implements prometheus.Collector.
func (q queueLengths) Describe(out chan<- *prometheus.Desc) { out <- queueDesc }

// Collect implements prometheus.Collector.
func (q queueLengths) Collect(out chan<- prometheus.Metric) {
	for name, length := range q {
		out <- prometheus.MustNewConstMetric(queueDesc, prometheus.GaugeValue, float64(length()), name)
	}
}

// stateWrites are the metrics of the writes of states.
type stateWrites struct {
	duration *prometheus.HistogramVec
	alerts   *prometheus.CounterVec
}

func newStateWrites(r prometheus.Registerer) *stateWrites {
	w := &stateWrites{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "impulse_state_write_duration_seconds", Help: "Seconds that a write of state took, failed ones included, by state: alerts (a shard of the store) or status (of a ScaledObject).",
			Buckets:                     prometheus.ExponentialBuckets(0.001, 2, 14),
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}, []string{"state"}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_alert_writes_total", Help: "Writes of shards of the store of alerts and levels, by result: success, conflict (another process wrote the shard) or error.",
		}, []string{"result"}),
	}
	for _, state := range []string{"alerts", "status"} { // They are exported as 0 before the first write.
		w.duration.WithLabelValues(state)
	}
	for _, result := range []string{"success", "conflict", "error"} {
		w.alerts.WithLabelValues(result)
	}
	r.MustRegister(w.duration, w.alerts)
	return w
}

// timed calls write, and measures its duration.
func (w *stateWrites) timed(ctx context.Context, state string, write func(context.Context) error) error {
	began := time.Now()
	err := write(ctx)
	w.duration.WithLabelValues(state).Observe(time.Since(began).Seconds())
	return err
}

// countAlerts counts a write of the store.
func (w *stateWrites) countAlerts(err error) {
	result := "success"
	switch {
	case errors.Is(err, store.ErrConflict):
		result = "conflict"
	case err != nil:
		result = "error"
	}
	w.alerts.WithLabelValues(result).Inc()
}
