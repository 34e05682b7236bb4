package status

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// ObjectMetrics exports the present state of each object: it reads it from the autoscalers at each scrape, so that decisions pay nothing for
// it, and what is exported ends with the object. Only the leader exports any.
//
// It is registered like other metrics, but a registry has only its descriptors. The samples are encoded by Encode: there are many, and a
// registry would need several times the memory to collect and compare them.
type ObjectMetrics struct {
	// Leader returns the reporter of a process that leads, and nil otherwise.
	Leader func() *Reporter
}

// composite is the type of the trigger that a formula makes of the others.
const composite = "formula"

var (
	objectLabels  = []string{"namespace", "scaledobject"}
	triggerLabels = append(objectLabels, "trigger", "type")
)

// objectFamilies have at most one sample for each object.
var objectFamilies = []family[objectRow]{
	{name: "impulse_desired_replicas", help: "Desired replica count of a ScaledObject, by the latest decision.", value: func(o *objectRow) (float64, bool) { return o.desired, o.decided }},
	{name: "impulse_current_replicas", help: "Replica count (spec.replicas) of the target of a ScaledObject. Absent while it is not known.", value: func(o *objectRow) (float64, bool) { return o.current, o.targetKnown }},
	{name: "impulse_min_replicas", help: "minReplicaCount of a ScaledObject.", value: func(o *objectRow) (float64, bool) { return o.minimum, o.running }},
	{name: "impulse_max_replicas", help: "maxReplicaCount of a ScaledObject.", value: func(o *objectRow) (float64, bool) { return o.maximum, o.running }},
}

// limitFamily and conditionFamily have samples with one more label.
var (
	limitFamily = family[objectRow]{
		name: "impulse_limited_by", help: "1 for the rule that keeps the count of a ScaledObject from what its triggers ask for. Absent while none does.",
	}
	conditionFamily = family[objectRow]{
		name: "impulse_condition", help: "Conditions of a ScaledObject: 1 if true, 0 if false. Absent while it is unknown.",
	}
)

// triggerFamilies have at most one sample for each trigger.
var triggerFamilies = []family[triggerRow]{
	{name: "impulse_trigger_known", help: "1 while the level of a trigger is known, 0 while it is unknown (it failed, is stale, or has not been read).", value: func(t *triggerRow) (float64, bool) { return boolean(t.known), true }},
	{name: "impulse_trigger_value", help: "Level of a trigger, in its own unit; a utilization in percent. Absent while it is unknown.", value: func(t *triggerRow) (float64, bool) { return t.level, t.known }},
	{name: "impulse_trigger_target", help: "Level that one replica, or with metric type Value the whole workload, should have, in the trigger's own unit. Absent for inputs of a formula.", value: func(t *triggerRow) (float64, bool) { return t.target, !t.input }},
	{name: "impulse_trigger_raw_replicas", help: "Replicas that a trigger asks for by its formula, before tolerance and every other rule. Absent while it asks for none.", value: func(t *triggerRow) (float64, bool) { return t.raw, t.asks }},
	{name: "impulse_trigger_fallback", help: "1 while the fallback replaces the level of a trigger that keeps failing. Absent otherwise.", value: func(t *triggerRow) (float64, bool) { return 1, t.fallback }},
	{name: "impulse_trigger_last_reading_timestamp_seconds", help: "Unix time of the latest reading of a trigger; for a pushed level, of its latest change.", value: func(t *triggerRow) (float64, bool) { return t.read, t.read != 0 }},
	{name: "impulse_trigger_errors_total", help: "Readings of a trigger that failed or were unusable.", counter: true, value: func(t *triggerRow) (float64, bool) { return t.errors, t.readable }},
}

// Describe implements prometheus.Collector.
func (ObjectMetrics) Describe(out chan<- *prometheus.Desc) {
	for i := range objectFamilies {
		out <- objectFamilies[i].desc(objectLabels)
	}
	out <- limitFamily.desc(append(objectLabels, "rule"))
	out <- conditionFamily.desc(append(objectLabels, "condition"))
	for i := range triggerFamilies {
		out <- triggerFamilies[i].desc(triggerLabels)
	}
}

// Collect implements prometheus.Collector. It does nothing: see Encode.
func (ObjectMetrics) Collect(chan<- prometheus.Metric) {}

// Encode calls encode with one family of samples after another. Each is valid until encode returns. Samples are in the order of the names of
// the objects.
func (m ObjectMetrics) Encode(encode func(*dto.MetricFamily) error) error {
	r := m.Leader()
	if r == nil {
		return nil
	}
	all := rowsOf(r.snapshots())
	labels := labelsOf(all)
	var b buffer
	for i := range objectFamilies {
		b.reset(len(all.objects))
		for j := range all.objects {
			if value, there := objectFamilies[i].value(&all.objects[j]); there {
				b.add(labels.object(j), value)
			}
		}
		if err := b.encode(objectFamilies[i].header(), encode); err != nil {
			return err
		}
	}
	if err := labels.encodeLimits(all, &b, encode); err != nil {
		return err
	}
	if err := labels.encodeConditions(all, &b, encode); err != nil {
		return err
	}
	for i := range triggerFamilies {
		b.reset(len(all.triggers))
		for j := range all.triggers {
			if value, there := triggerFamilies[i].value(&all.triggers[j]); there {
				b.add(labels.trigger(j), value)
			}
		}
		if err := b.encode(triggerFamilies[i].header(), encode); err != nil {
			return err
		}
	}
	return nil
}
