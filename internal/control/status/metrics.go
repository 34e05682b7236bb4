package status

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/scalers"
)

// Metrics count and time decisions and writes. ObjectMetrics has the present state of the objects.
type Metrics struct {
	// decisions has a counter for each outcome, and limited one for each rule.
	decisions    [outcomes]prometheus.Counter
	limited      [scalers.RulePaused + 1]prometheus.Counter
	scaleWrites  *prometheus.CounterVec
	statusWrites *prometheus.CounterVec
	toDecision   prometheus.Histogram
	toWrite      prometheus.Histogram
}

// The outcomes of decisions.
const (
	raised = iota
	lowered
	held
	unchanged
	outcomes
)

// reactionTimes returns the options of a histogram of the time since an event, in seconds: a native histogram, which has classic buckets as
// well.
func reactionTimes(name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour,
	}
}

// NewMetrics returns Metrics that are registered.
func NewMetrics(r prometheus.Registerer) *Metrics {
	decisions := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "impulse_decisions_total", Help: "Decisions, by outcome: raised, lowered, held (the count stays because a rule limits it) or unchanged (the count is what the triggers ask for).",
	}, []string{"outcome"})
	limited := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "impulse_decisions_limited_total", Help: "Decisions for another count than the triggers ask for, by the rule that limited it: unknown, fallback, stabilization, rate, cooldown, idle, minReplicaCount, maxReplicaCount or paused.",
	}, []string{"rule"})
	m := &Metrics{
		scaleWrites: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_scale_writes_total", Help: "Writes of scale subresources, by result: success, conflict, not_found, forbidden, denied, altered, throttled or error.",
		}, []string{"result"}),
		statusWrites: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_status_writes_total", Help: "Writes of the status of ScaledObjects, by result: success or error.",
		}, []string{"result"}),
		toDecision: prometheus.NewHistogram(reactionTimes("impulse_event_to_decision_seconds",
			"Seconds from an event to the decision that took it into account. The event is the receipt of a message, or the start of a reading.")),
		toWrite: prometheus.NewHistogram(reactionTimes("impulse_event_to_write_seconds",
			"Seconds from an event to the end of the write of the count that it caused.")),
	}
	for i, outcome := range [outcomes]string{"raised", "lowered", "held", "unchanged"} {
		m.decisions[i] = decisions.WithLabelValues(outcome)
	}
	for rule := range limitingRules {
		m.limited[rule] = limited.WithLabelValues(rule.String())
	}
	for _, result := range []string{"success", "error"} { // They are exported as 0 before the first write.
		m.scaleWrites.WithLabelValues(result)
		m.statusWrites.WithLabelValues(result)
	}
	r.MustRegister(decisions, limited, m.scaleWrites, m.statusWrites, m.toDecision, m.toWrite)
	return m
}

// limitingRules calls yield for each rule that Decision.Limit may return.
func limitingRules(yield func(scalers.Rule) bool) {
	for rule := scalers.RuleFormula; rule <= scalers.RulePaused; rule++ {
		if rule != scalers.RuleFormula && rule != scalers.RuleTolerance && rule != scalers.RuleActivation && !yield(rule) {
			return
		}
	}
}

// observe counts one outcome.
func (m *Metrics) observe(p *autoscaler.Outcome) {
	if w := p.Write; w != nil {
		m.scaleWrites.WithLabelValues(resultOf(w.Err)).Inc()
		if w.Err == nil && w.Latency >= 0 {
			m.toWrite.Observe(w.Latency.Seconds())
		}
	}
	if !p.Fresh {
		return
	}
	for i := range p.Events {
		if p.Arrived&(1<<i) != 0 {
			m.toDecision.Observe(p.At.Sub(p.Events[i].At).Seconds())
		}
	}
	rule := limitOf(p.Decision)
	m.decisions[outcomeNumber(p, rule)].Inc()
	if rule != scalers.RuleFormula {
		m.limited[rule].Inc()
	}
}

// outcomeNumber returns the outcome of a decision that a rule limits; RuleFormula if none does.
func outcomeNumber(p *autoscaler.Outcome, rule scalers.Rule) int {
	switch {
	case p.Decision.Replicas > p.From:
		return raised
	case p.Decision.Replicas < p.From:
		return lowered
	case rule != scalers.RuleFormula:
		return held
	default:
		return unchanged
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
