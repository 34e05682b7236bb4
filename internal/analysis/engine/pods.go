package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// Pods is the feed of a trigger that reads single pods: the same ones at regular times. They are as they were at Start, but
// older, and sampled anew for each reading.
type Pods struct {
	Ticker
	Pods []scalers.Pod
}

// Read returns the pods as they are at an instant.
func (p Pods) Read(t scalers.Instant, _ Target) (scalers.Event, bool) {
	pods := slices.Clone(p.Pods)
	for i := range pods {
		pods[i].SampledAt = pods[i].SampledAt.Add(t.Sub(p.Start))
	}
	return scalers.Event{PerPod: true, Pods: pods}, true
}

// Mean is the feed of a trigger that reads single pods, of which only the mean is told: each ready pod uses just as much,
// and those that are not ready yet are pending. A utilization is in percent.
type Mean struct {
	Regular
	// Utilization: the pods request something, and use so many percent of it.
	Utilization bool
}

// mostPods bounds the pods of one reading.
const mostPods = 100_000

// Read returns the target's pods, all alike.
func (m Mean) Read(t scalers.Instant, target Target) (scalers.Event, bool) {
	e, ok := m.Regular.Read(t, target)
	switch {
	case !ok || e.Err != nil:
		return e, ok
	case max(target.Current, target.Ready) > mostPods:
		return scalers.Event{Err: fmt.Errorf("more than %d pods are not made up", mostPods)}, true
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
