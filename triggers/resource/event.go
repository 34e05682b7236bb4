package resource

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// event combines the usage of a namespace with the pods of the target. For a pod without a sample the core assumes a
// usage, as a HorizontalPodAutoscaler does. When no pod has a sample, the level is unknown, with the reason of the first pod. Samples of
// pods that no longer exist are ignored, although a HorizontalPodAutoscaler counts them for AverageValue.
func (m *meter) event(at scalers.Instant, all usage) scalers.Event {
	listed, err := m.pods()
	if err != nil {
		return scalers.Event{Err: fmt.Errorf("list the target's pods: %w", err)}
	}
	pods := make([]scalers.Pod, len(listed))
	var expected, measured int
	var missing error
	for i := range listed {
		pod := &listed[i]
		pods[i] = pod.State
		if m.metric == scalers.Utilization {
			request, err := m.request(pod)
			if err != nil {
				return scalers.Event{Err: err}
			}
			pods[i].HasRequest, pods[i].Request = true, request
		}
		if !measurable(&pod.State) {
			continue
		}
		expected++
		if err := m.measure(&pods[i], pod.Name, all, at); err == nil {
			measured++
		} else if missing == nil {
			missing = err
		}
	}
	if expected > 0 && measured == 0 {
		return scalers.Event{Err: triggers.VaryingErrorf("none of %d running pods is measured: %w", expected, missing)}
	}
	return scalers.Event{PerPod: true, Pods: pods}
}

// measurable reports whether a pod should have a sample.
func measurable(pod *scalers.Pod) bool {
	return !pod.Deleting && pod.Phase != scalers.PodFailed && pod.Phase != scalers.PodPending
}

// measure sets the usage of a pod, or returns why it is unknown.
func (m *meter) measure(into *scalers.Pod, name string, all usage, at scalers.Instant) error {
	s, ok := all[name]
	switch {
	case !ok || len(s.containers) == 0:
		return fmt.Errorf("metrics-server has no sample of pod %s yet", name)
	case m.tooOld(&s, at):
		return fmt.Errorf("the sample of pod %s is older than %s: has metrics-server stopped?", name, m.maxAge(&s))
	}
	used, err := m.usage(&s)
	if err != nil {
		return fmt.Errorf("pod %s: %w", name, err)
	}
	into.Sampled, into.Usage, into.SampledAt, into.Window = true, used, s.at, s.window
	return nil
}

// usage returns the usage of the named container, or the sum over all containers of a sample.
func (m *meter) usage(s *sample) (scalers.Milli, error) {
	var total scalers.Milli
	found := false
	for i := range s.containers {
		c := &s.containers[i]
		if m.container != "" && m.container != c.name {
			continue
		}
		used := c.usage(m.resource)
		if used < 0 {
			return 0, fmt.Errorf("the %s of container %s is not measured", m.resource, c.name)
		}
		total, found = sum(total, used), true
	}
	if !found {
		return 0, fmt.Errorf("the sample has no container %s", m.container)
	}
	return total, nil
}

// request returns the request of a pod: its own, or the sum over its containers, each of which must have one. With a named container
// it is the request of that container.
func (m *meter) request(pod *triggers.Pod) (scalers.Milli, error) {
	if pod.PodLevel && m.container == "" {
		if r := m.requestOf(pod.Requests); r >= 0 {
			return r, nil
		}
		return 0, fmt.Errorf("pod %s does not request %s: metricType Utilization needs it", pod.Name, m.resource)
	}
	var total scalers.Milli
	found := false
	for i := range pod.Containers {
		c := &pod.Containers[i]
		if m.container != "" && m.container != c.Name {
			continue
		}
		r := m.requestOf(c.Requests)
		if r < 0 {
			return 0, fmt.Errorf("container %s of pod %s does not request %s: metricType Utilization needs it", c.Name, pod.Name, m.resource)
		}
		total, found = sum(total, r), true
	}
	if !found {
		return 0, fmt.Errorf("pod %s has no container %s", pod.Name, m.container)
	}
	return total, nil
}

// requestOf returns the request of the resource; negative for none.
func (m *meter) requestOf(r triggers.Requests) scalers.Milli {
	if m.resource == corev1.ResourceCPU {
		return r.CPU
	}
	return r.Memory
}
