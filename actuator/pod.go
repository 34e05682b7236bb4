package actuator

import (
	"math"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Pod is the part of a pod that triggers read.
type Pod struct {
	Name     string
	Phase    corev1.PodPhase
	Deleting bool
	// Ready is the status of its condition Ready, "" when it has none, and ReadySince when that last changed.
	Ready      corev1.ConditionStatus
	ReadySince time.Time
	// Started is when a kubelet accepted it; zero before.
	Started time.Time
	// PodLevel means that Requests are those of the pod as a whole, its overhead included; otherwise only its containers have
	// requests.
	PodLevel bool
	Requests Requests
	// Containers are those that run as long as the pod does: its containers and its restartable init containers.
	Containers []Container
}

// Container is the part of a container that triggers read.
type Container struct {
	Name     string
	Requests Requests
}

// Requests are amounts in thousandths of a core and of a byte; -1 for a resource that is not requested.
type Requests struct{ CPU, Memory int64 }

// isReady reports whether the pod shares the load: it is Running, its condition Ready is True, and it is not being deleted. A
// HorizontalPodAutoscaler counts pods that are being deleted, but a Service sends nothing to them, however long their grace period.
func (p *Pod) isReady() bool {
	return p.Phase == corev1.PodRunning && p.Ready == corev1.ConditionTrue && !p.Deleting
}

// cachedPod is a pod with the labels by which it is selected.
type cachedPod struct {
	Pod

	labels labels.Set
}

// trimPod returns the part of a pod that triggers read, and its labels.
func trimPod(pod *corev1.Pod) cachedPod {
	p := Pod{Name: pod.Name, Phase: pod.Status.Phase, Deleting: pod.DeletionTimestamp != nil}
	for i := range pod.Status.Conditions {
		if c := &pod.Status.Conditions[i]; c.Type == corev1.PodReady {
			p.Ready, p.ReadySince = c.Status, c.LastTransitionTime.Time
		}
	}
	if pod.Status.StartTime != nil {
		p.Started = pod.Status.StartTime.Time
	}
	if r := pod.Spec.Resources; r != nil && len(r.Requests) > 0 {
		// In a pod with pod-level limits, the API server sets the pod-level requests that the user has not set.
		p.PodLevel, p.Requests = true, requests(r.Requests).plus(pod.Spec.Overhead)
	}
	for i := range pod.Spec.Containers {
		p.Containers = append(p.Containers, trimContainer(&pod.Spec.Containers[i]))
	}
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			p.Containers = append(p.Containers, trimContainer(c))
		}
	}
	p.Containers = slices.Clip(p.Containers)
	return cachedPod{Pod: p, labels: pod.Labels}
}

func trimContainer(c *corev1.Container) Container {
	return Container{Name: c.Name, Requests: requests(c.Resources.Requests)}
}

func requests(of corev1.ResourceList) Requests {
	amount := func(name corev1.ResourceName) int64 {
		q, ok := of[name]
		switch {
		case !ok:
			return -1
		case q.CmpInt64(math.MaxInt64/1000) > 0:
			return math.MaxInt64 // MilliValue is 0 then.
		default:
			return q.MilliValue()
		}
	}
	return Requests{CPU: amount(corev1.ResourceCPU), Memory: amount(corev1.ResourceMemory)}
}

// plus adds a pod's overhead to its requests.
func (r Requests) plus(overhead corev1.ResourceList) Requests {
	more := requests(overhead)
	return Requests{CPU: sum(r.CPU, more.CPU), Memory: sum(r.Memory, more.Memory)}
}

// sum adds b to a request, and saturates. A resource that is not requested (-1) stays so.
func sum(a, b int64) int64 {
	if a < 0 || b <= 0 {
		return a
	}
	return a + min(b, math.MaxInt64-a)
}
