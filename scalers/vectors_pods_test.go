package scalers_test

import (
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// vectorPod is a pod of a per-pod reading. By default it is running, ready, a day old, and was sampled just now over a minute.
// Times are ages.
type vectorPod struct {
	Phase        string    `json:"phase"`
	Deleting     bool      `json:"deleting"`
	Ready        *bool     `json:"ready"`
	Age          *duration `json:"age"`
	ReadyChanged *duration `json:"readyChanged"`
	SampleAge    duration  `json:"sampleAge"`
	Window       *duration `json:"window"`
	Request      string    `json:"request"`
	Usage        string    `json:"usage"`
}

// at returns the pod in a reading of that instant.
func (v *vectorPod) at(t *testing.T, now scalers.Instant) scalers.Pod {
	t.Helper()
	pod := scalers.Pod{
		Phase: map[string]scalers.PodPhase{
			"": scalers.PodRunning, "Running": scalers.PodRunning, "Pending": scalers.PodPending, "Succeeded": scalers.PodSucceeded,
			"Failed": scalers.PodFailed, "Unknown": scalers.PodUnknown,
		}[v.Phase],
		Deleting: v.Deleting, NotReady: v.Ready != nil && !*v.Ready, Window: time.Minute,
		Started: now.Add(-24 * time.Hour), SampledAt: now.Add(-time.Duration(v.SampleAge)),
	}
	if v.Age != nil {
		pod.Started = now.Add(-time.Duration(*v.Age))
	}
	pod.ReadyChanged = pod.Started
	if v.ReadyChanged != nil {
		pod.ReadyChanged = now.Add(-time.Duration(*v.ReadyChanged))
	}
	if v.Window != nil {
		pod.Window = time.Duration(*v.Window)
	}
	if v.Usage != "" {
		pod.Sampled, pod.Usage = true, number(t, v.Usage)
	}
	if v.Request != "" {
		pod.HasRequest, pod.Request = true, number(t, v.Request)
	}
	return pod
}

// podsAt returns the pods in a reading of that instant.
func podsAt(t *testing.T, all []vectorPod, now scalers.Instant) []scalers.Pod {
	t.Helper()
	pods := make([]scalers.Pod, len(all))
	for i := range all {
		pods[i] = all[i].at(t, now)
	}
	return pods
}

// podTrigger makes t a trigger for cpu or memory.
func podTrigger(t *testing.T, trigger *scalers.Trigger, kind, metricType, value string) {
	t.Helper()
	trigger.PerPod, trigger.CPU, trigger.Target = true, kind == "cpu", number(t, value)
	if metricType == "Utilization" {
		trigger.Metric = scalers.Utilization
	}
}
