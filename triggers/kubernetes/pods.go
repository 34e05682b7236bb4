package kubernetes

import (
	"context"
	"errors"
	"fmt"

	custommetrics "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// openPods returns the source of a kubernetes-pods trigger. It does no I/O.
func openPods(c PodsConfig, env triggers.Env) (triggers.Source, error) {
	if env.Metrics == nil || env.Pods == nil || env.PodSelector == nil {
		return nil, errNoCluster
	}
	m := &podMeter{what: "metric " + c.MetricName + " of the target's pods", metric: query(env.Namespace, c.MetricName, c.MetricSelector), ages: agesOf(env), env: env}
	q := key(customAPI, "kubernetes-pods", env.Namespace, env.Object, m.metric.Name, m.metric.Selector) // Each object has its own pods.
	return triggers.PollEach(q, m.read, m.event, env), nil
}

// podMeter measures the pods of one target.
type podMeter struct {
	what   string
	metric triggers.MetricQuery
	ages   ages
	env    triggers.Env
}

// samples are those of the pods of a target, by the name of the pod.
type samples map[string]*custommetrics.MetricValue

// read reads the metric of all pods that the selector of the target selects.
func (m *podMeter) read(ctx context.Context) (samples, error) {
	selector, err := m.env.PodSelector()
	if err == nil && selector == "" {
		err = errors.New("it is empty, which would select all pods of the namespace")
	}
	if err != nil {
		return nil, fmt.Errorf("find the selector of the target's pods: %w", err)
	}
	list, err := m.env.Metrics.PodsMetric(ctx, selector, m.metric)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", m.what, reason(ctx, customAPI, err))
	}
	return samplesOf(list.Items)
}

func samplesOf(list []custommetrics.MetricValue) (samples, error) {
	all := make(samples, len(list))
	for i := range list {
		name := list[i].DescribedObject.Name
		if all[name] != nil {
			return nil, fmt.Errorf("the answer has two values for pod %s: narrow the metric down with metricSelector", name)
		}
		all[name] = &list[i]
	}
	return all, nil
}

// event combines the samples with the pods of the target. For a pod without a sample the core assumes a value, as a
// HorizontalPodAutoscaler does. When no pod has a sample, the level is unknown, with the reason of the first pod. Samples of pods that no
// longer exist are ignored, although a HorizontalPodAutoscaler counts them.
func (m *podMeter) event(_ scalers.Instant, all samples) scalers.Event {
	listed, err := m.env.Pods()
	if err != nil {
		return scalers.Event{Err: fmt.Errorf("list the target's pods: %w", err)}
	}
	pods := make([]scalers.Pod, len(listed))
	var expected, measured int
	var missing error
	for i := range listed {
		pods[i] = listed[i].State
		if !measurable(&pods[i]) {
			continue
		}
		expected++
		if err := m.measure(&pods[i], listed[i].Name, all); err == nil {
			measured++
		} else if missing == nil {
			missing = err
		}
	}
	if expected > 0 && measured == 0 {
		return scalers.Event{Err: triggers.VaryingErrorf("read %s: none of %d running pods is measured: %w", m.what, expected, missing)}
	}
	return scalers.Event{PerPod: true, Pods: pods}
}

// measurable reports whether a pod should have a sample.
func measurable(pod *scalers.Pod) bool {
	return !pod.Deleting && pod.Phase != scalers.PodFailed && pod.Phase != scalers.PodPending
}

// measure sets the sample of a pod, or returns why it is unknown.
func (m *podMeter) measure(into *scalers.Pod, name string, all samples) error {
	sample := all[name]
	if sample == nil {
		return fmt.Errorf("the adapter has no value of pod %s", name)
	}
	value, err := m.ages.value(sample.Value, sample.Timestamp, sample.WindowSeconds)
	if err != nil {
		return fmt.Errorf("pod %s: %w", name, err)
	}
	into.Sampled, into.Usage, into.Window = true, value, window(sample.WindowSeconds)
	if !sample.Timestamp.IsZero() {
		into.SampledAt = scalers.InstantOf(sample.Timestamp.Time)
	}
	return nil
}
