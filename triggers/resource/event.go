package resource

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// event joins what was measured with the pods of the target. A pod that was not measured is missing in the reading, which
// the core knows how to fill in; when none was, the reading is unknown, and the first pod says why. A HorizontalPodAutoscaler
// would also count the samples of pods that are gone; those are not looked for.
func (m *meter) event(at scalers.Instant, all usage) scalers.Event {
	listed, err := m.pods()
	if err != nil {
		return scalers.Event{Err: fmt.Errorf("list the target's pods: %w", err)}
	}
	pods := make([]scalers.Pod, len(listed))
	var measurable, measured int
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
		if !counts(&pod.State) {
			continue
		}
		measurable++
		if err := m.measure(&pods[i], pod.Name, all, at); err == nil {
			measured++
		} else if missing == nil {
			missing = err
		}
	}
	if measurable > 0 && measured == 0 {
		return scalers.Event{Err: triggers.VaryingErrorf("of %d running pods none is measured: %w", measurable, missing)}
	}
	return scalers.Event{PerPod: true, Pods: pods}
}

// counts reports whether a pod is one to be measured.
func counts(pod *scalers.Pod) bool {
	return !pod.Deleting && pod.Phase != scalers.PodFailed && pod.Phase != scalers.PodPending
}

// measure fills in what a pod uses, or says why that is not known.
func (m *meter) measure(into *scalers.Pod, name string, all usage, at scalers.Instant) error {
	s, ok := all[name]
	switch {
	case !ok || len(s.containers) == 0:
		return fmt.Errorf("metrics-server does not know pod %s, as yet", name)
	case m.tooOld(&s, at):
		return fmt.Errorf("the sample of pod %s is older than %s: has metrics-server stopped?", name, m.patience(&s))
	}
	used, err := m.used(&s)
	if err != nil {
		return fmt.Errorf("pod %s: %w", name, err)
	}
	into.Sampled, into.Usage, into.SampledAt, into.Window = true, used, s.at, s.window
	return nil
}

// used is what a sample says of the named container, or of all that it has.
func (m *meter) used(s *sample) (scalers.Milli, error) {
	var total scalers.Milli
	found := false
	for i := range s.containers {
		c := &s.containers[i]
		if m.container != "" && m.container != c.name {
			continue
		}
		used := c.used(m.resource)
		if used < 0 {
			return 0, fmt.Errorf("the %s of container %s is not measured", m.resource, c.name)
		}
		total, found = sum(total, used), true
	}
	if !found {
		return 0, fmt.Errorf("it is not said what container %s uses", m.container)
	}
	return total, nil
}

// request is what a pod requests: by itself, or the sum over its containers, each of which must request something; with a
// container named, what that one does.
func (m *meter) request(pod *triggers.Pod) (scalers.Milli, error) {
	if pod.PodLevel && m.container == "" {
		if r := m.of(pod.Requests); r >= 0 {
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
		r := m.of(c.Requests)
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

func (m *meter) of(r triggers.Requests) scalers.Milli {
	if m.resource == corev1.ResourceCPU {
		return r.CPU
	}
	return r.Memory
}
