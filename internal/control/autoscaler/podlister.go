package autoscaler

import (
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// errUnobserved is why there are no pods before the first observation.
var errUnobserved = errors.New("the target has not been observed yet")

// podLister knows the selector of the target's pods, for sources that read single pods. It is safe for concurrent use.
type podLister struct {
	mu sync.Mutex
	// latest is the selector of the newest observation, and err why it is not known, or why the pods are not.
	latest string
	err    error
}

func newPodLister() podLister { return podLister{err: errUnobserved} }

// observe stores what the newest observation shows.
func (l *podLister) observe(o *actuator.Observation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.latest, l.err = o.Scale.Selector, o.ReadyErr; o.Err != nil && !loop.HasCount(o) {
		l.latest, l.err = "", o.Err
	}
}

// known returns true after the first observation.
func (l *podLister) known() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !errors.Is(l.err, errUnobserved)
}

// selector returns the selector of the target's pods.
func (l *podLister) selector() (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.latest, l.err
}

// PodSelector returns the label selector of the target's pods. It sends no request, does not block and may be called from any goroutine.
// It returns the error of the last observation.
func (a *Autoscaler) PodSelector() (string, error) { return a.pods.selector() }

// Pods returns the target's pods at this instant, in the order of their names. It sends no request, does not block and may be called
// from any goroutine. It returns the error of the last observation, or one that says that pods are not watched.
func (a *Autoscaler) Pods() ([]triggers.Pod, error) {
	selector, err := a.pods.selector()
	if err != nil {
		return nil, err
	}
	pods, err := a.options.Actuator.Pods(a.options.Workload.Target.Namespace, selector)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.options.Workload.Target, err)
	}
	all := make([]triggers.Pod, len(pods))
	for i := range pods {
		all[i] = podOf(&pods[i])
	}
	return all, nil
}

// podOf converts a pod into the form that triggers read.
func podOf(pod *actuator.Pod) triggers.Pod {
	p := triggers.Pod{
		Name: pod.Name, PodLevel: pod.PodLevel, Requests: requestsOf(pod.Requests), Containers: make([]triggers.Container, len(pod.Containers)),
		State: scalers.Pod{
			Phase: phaseOf(pod.Phase), Deleting: pod.Deleting,
			// A pod with the condition Unknown, whose node does not report, is not unready: the HPA counts it as ready, too.
			NotReady: pod.Ready == corev1.ConditionFalse || pod.Ready == "", NoCondition: pod.Ready == "",
		},
	}
	if !pod.Started.IsZero() {
		p.State.Started = scalers.InstantOf(pod.Started)
	}
	if !pod.ReadySince.IsZero() {
		p.State.ReadyChanged = scalers.InstantOf(pod.ReadySince)
	}
	for i := range pod.Containers {
		p.Containers[i] = triggers.Container{Name: pod.Containers[i].Name, Requests: requestsOf(pod.Containers[i].Requests)}
	}
	return p
}

func requestsOf(r actuator.Requests) triggers.Requests {
	return triggers.Requests{CPU: scalers.Milli(r.CPU), Memory: scalers.Milli(r.Memory)}
}

func phaseOf(phase corev1.PodPhase) scalers.PodPhase {
	switch phase {
	case corev1.PodRunning:
		return scalers.PodRunning
	case corev1.PodPending:
		return scalers.PodPending
	case corev1.PodSucceeded:
		return scalers.PodSucceeded
	case corev1.PodFailed:
		return scalers.PodFailed
	default:
		return scalers.PodUnknown
	}
}
