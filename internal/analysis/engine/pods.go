package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// Pods is the feed of a trigger that reads single pods: the same pods at regular times. They stay as they were at Start, but grow
// older, and are sampled anew for each reading.
type Pods struct {
	Ticker
	Pods []scalers.Pod
}

// Read returns the pods at an instant.
func (p Pods) Read(t scalers.Instant, _ Target) (scalers.Event, bool) {
	pods := slices.Clone(p.Pods)
	for i := range pods {
		pods[i].SampledAt = pods[i].SampledAt.Add(t.Sub(p.Start))
	}
	return scalers.Event{PerPod: true, Pods: pods}, true
}

// Mean is the feed of a trigger that reads single pods, when only their mean is given: each ready pod has the mean, and the pods that
// are not ready are pending.
type Mean struct {
	Regular
	// Utilization: the mean is the use in percent of what the pods request.
	Utilization bool
}

// maxPods bounds the pods of one reading.
const maxPods = 100_000

// Read returns the target's pods: all ready ones are the same, and so are all others.
func (m Mean) Read(t scalers.Instant, target Target) (scalers.Event, bool) {
	e, ok := m.Regular.Read(t, target)
	switch {
	case !ok || e.Err != nil:
		return e, ok
	case max(target.Current, target.Ready) > maxPods:
		return scalers.Event{Err: fmt.Errorf("a mean level can stand for at most %d pods", maxPods)}, true
	}
	before := m.Start.Add(-24 * time.Hour)
	pod := scalers.Pod{
		Sampled: true, Usage: e.Value, Started: before, ReadyChanged: before, SampledAt: t, Window: time.Minute,
		HasRequest: m.Utilization,
	}
	if m.Utilization {
		pod.Request = 100_000 // So that a percent is a percent.
	}
	pods := slices.Repeat([]scalers.Pod{pod}, int(target.Ready))
	pod.Phase, pod.Sampled = scalers.PodPending, false
	for range target.Current - target.Ready {
		pods = append(pods, pod)
	}
	return scalers.Event{PerPod: true, Pods: pods}, true
}
