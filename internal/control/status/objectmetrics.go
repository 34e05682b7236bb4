package status

import (
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// ObjectMetrics exports the present state of each object: it reads it from the autoscalers at each scrape, so that decisions pay nothing for
// it, and what is exported ends with the object. Only the leader exports any.
type ObjectMetrics struct {
	// Leader returns the reporter of a process that leads, and nil otherwise.
	Leader func() *Reporter
}

// composite is the type of the trigger that a formula makes of the others.
const composite = "formula"

var (
	objectLabels  = []string{"namespace", "scaledobject"}
	triggerLabels = append(objectLabels, "trigger", "type")

	desiredDesc   = prometheus.NewDesc("impulse_desired_replicas", "Desired replica count of a ScaledObject, by the latest decision.", objectLabels, nil)
	currentDesc   = prometheus.NewDesc("impulse_current_replicas", "Replica count (spec.replicas) of the target of a ScaledObject. Absent while it is not known.", objectLabels, nil)
	minDesc       = prometheus.NewDesc("impulse_min_replicas", "minReplicaCount of a ScaledObject.", objectLabels, nil)
	maxDesc       = prometheus.NewDesc("impulse_max_replicas", "maxReplicaCount of a ScaledObject.", objectLabels, nil)
	limitedByDesc = prometheus.NewDesc("impulse_limited_by", "1 for the rule that keeps the count of a ScaledObject from what its triggers ask for. Absent while none does.", append(objectLabels, "rule"), nil)
	conditionDesc = prometheus.NewDesc("impulse_condition", "Conditions of a ScaledObject: 1 if true, 0 if false. Absent while it is unknown.", append(objectLabels, "condition"), nil)

	knownDesc    = prometheus.NewDesc("impulse_trigger_known", "1 while the level of a trigger is known, 0 while it is unknown (it failed, is stale, or has not been read).", triggerLabels, nil)
	valueDesc    = prometheus.NewDesc("impulse_trigger_value", "Level of a trigger, in its own unit; a utilization in percent. Absent while it is unknown.", triggerLabels, nil)
	targetDesc   = prometheus.NewDesc("impulse_trigger_target", "Level that one replica, or with metric type Value the whole workload, should have, in the trigger's own unit. Absent for inputs of a formula.", triggerLabels, nil)
	rawDesc      = prometheus.NewDesc("impulse_trigger_raw_replicas", "Replicas that a trigger asks for by its formula, before tolerance and every other rule. Absent while it asks for none.", triggerLabels, nil)
	fallbackDesc = prometheus.NewDesc("impulse_trigger_fallback", "1 while the fallback replaces the level of a trigger that keeps failing. Absent otherwise.", triggerLabels, nil)
	readDesc     = prometheus.NewDesc("impulse_trigger_last_reading_timestamp_seconds", "Unix time of the latest reading of a trigger; for a pushed level, of its latest change.", triggerLabels, nil)
	errorsDesc   = prometheus.NewDesc("impulse_trigger_errors_total", "Readings of a trigger that failed or were unusable.", triggerLabels, nil)
)

// Describe implements prometheus.Collector.
func (ObjectMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		desiredDesc, currentDesc, minDesc, maxDesc, limitedByDesc, conditionDesc,
		knownDesc, valueDesc, targetDesc, rawDesc, fallbackDesc, readDesc, errorsDesc,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m ObjectMetrics) Collect(out chan<- prometheus.Metric) {
	r := m.Leader()
	if r == nil {
		return
	}
	for _, o := range r.snapshots() {
		o.collect(out)
	}
}

// snapshot is what the reporter knows of an object for its metrics.
type snapshot struct {
	Object

	running    Inspected
	conditions []condition
	errors     map[string]uint64
}

// condition is a condition that is True or False.
type condition struct {
	kind string
	is   bool
}

// snapshots returns a snapshot of each object.
func (r *Reporter) snapshots() []snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]snapshot, 0, len(r.objects))
	for _, o := range r.objects {
		one := snapshot{Object: o.Object, running: o.running, errors: maps.Clone(o.errors), conditions: make([]condition, 0, len(o.conditions.list))}
		for i := range o.conditions.list {
			if c := &o.conditions.list[i]; c.Status != metav1.ConditionUnknown {
				one.conditions = append(one.conditions, condition{c.Type, c.Status == metav1.ConditionTrue})
			}
		}
		all = append(all, one)
	}
	return all
}

// collect exports the metrics of an object.
func (s *snapshot) collect(out chan<- prometheus.Metric) {
	all := samples{object: s.Object}
	for _, c := range s.conditions {
		all.addFor(conditionDesc, "condition", c.kind, boolean(c.is))
	}
	if s.running != nil {
		s.running.Inspect(func(o *autoscaler.Outcome) { all.addOutcome(o, s.errors) })
	}
	for i := range all.list { // The autoscaler does not wait for this.
		out <- &all.list[i]
	}
}

// addOutcome adds the samples of an outcome. errors counts the failed readings of each trigger.
func (s *samples) addOutcome(o *autoscaler.Outcome, errors map[string]uint64) {
	ofObject := labels("namespace", s.object.Namespace, "scaledobject", s.object.Name)
	s.add(minDesc, ofObject, float64(o.Workload.Policy.Min))
	s.add(maxDesc, ofObject, float64(o.Workload.Policy.Max))
	if o.TargetKnown {
		s.add(currentDesc, ofObject, float64(o.Target.Scale.Replicas))
	}
	if o.Decided {
		s.add(desiredDesc, ofObject, float64(o.Decision.Replicas))
		if step, limited := o.Decision.Limit(); limited {
			s.addFor(limitedByDesc, "rule", step.Rule.String(), 1)
		}
	}
	for i := range o.Workload.Policy.Triggers {
		s.addTrigger(o, i, errors[o.Workload.Policy.Triggers[i].Name])
	}
}

// addTrigger adds the samples of trigger i.
func (s *samples) addTrigger(o *autoscaler.Outcome, i int, errors uint64) {
	t := &o.Workload.Policy.Triggers[i]
	of := labels("namespace", s.object.Namespace, "scaledobject", s.object.Name, "trigger", t.Name, "type", typeOf(o.Workload, i))
	p := latestProposal(o, i)
	s.add(knownDesc, of, boolean(p.Known))
	if p.Known {
		s.add(valueDesc, of, units(p.Level))
	}
	if !t.Input {
		s.add(targetDesc, of, units(t.Target))
		if p.Known && !p.AddsNothing || p.AtLeast {
			s.add(rawDesc, of, float64(p.Raw))
		}
	}
	if fallsBack(o, i) {
		s.add(fallbackDesc, of, 1)
	}
	if i >= len(o.Events) { // The trigger of a formula has no readings.
		return
	}
	if at := o.Events[i].At; at != 0 {
		s.add(readDesc, of, float64(at)/float64(time.Second))
	}
	s.add(errorsDesc, of, float64(errors))
	s.list[len(s.list)-1].counter = true
}

// latestProposal is proposalOf, and for the trigger of a formula, which has no readings, its proposal in the latest decision.
func latestProposal(o *autoscaler.Outcome, i int) scalers.Proposal {
	switch {
	case i < len(o.Events):
		return proposalOf(o, i)
	case o.Decided && i < len(o.Decision.Proposals()):
		return o.Decision.Proposals()[i]
	default:
		return scalers.Proposal{}
	}
}

// typeOf returns the type of trigger i of a workload.
func typeOf(w *compile.Workload, i int) string {
	if i < len(w.Triggers) {
		return w.Triggers[i].Kind.Name
	}
	return composite
}

func units(m scalers.Milli) float64 { return float64(m) / 1000 }

func boolean(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
