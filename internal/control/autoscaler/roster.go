package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// errUnseen is why there are no pods to tell of at the beginning.
var errUnseen = errors.New("the target has not been seen yet")

// roster knows which pods are the target's, for sources that look at single pods. Anybody may ask it.
type roster struct {
	// met is closed once the target, or why there is none, is known.
	met chan struct{}

	mu   sync.Mutex
	seen actuator.Observation
}

func newRoster() roster {
	return roster{met: make(chan struct{}), seen: actuator.Observation{Err: errUnseen}}
}

// see takes in the newest observation.
func (r *roster) see(o actuator.Observation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(r.seen.Err, errUnseen) {
		close(r.met)
	}
	r.seen = o
}

// await returns when there is something to ask for; false when ctx is done before.
func (r *roster) await(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-r.met:
		return true
	}
}

// selector is that of the target's pods.
func (r *roster) selector() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen.Err != nil && !trusted(&r.seen) {
		return "", r.seen.Err
	}
	return r.seen.Scale.Selector, r.seen.ReadyErr
}

// Pods returns the target's pods as they are at this instant, in the order of their names. It asks nobody, does not block
// and may be called from any goroutine.
func (p *Pipeline) Pods() ([]triggers.Pod, error) {
	selector, err := p.roster.selector()
	if err != nil {
		return nil, err
	}
	pods, err := p.options.Actuator.Pods(p.options.Workload.Target.Namespace, selector)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.options.Workload.Target, err)
	}
	all := make([]triggers.Pod, len(pods))
	for i := range pods {
		all[i] = podOf(&pods[i])
	}
	return all, nil
}

// podOf says of a pod what triggers want to know, in the core's words.
func podOf(pod *actuator.Pod) triggers.Pod {
	p := triggers.Pod{
		Name: pod.Name, PodLevel: pod.PodLevel, Requests: requestsOf(pod.Requests), Containers: make([]triggers.Container, len(pod.Containers)),
		State: scalers.Pod{
			Phase: phaseOf(pod.Phase), Deleting: pod.Deleting,
			// A pod whose node is not heard of (Unknown) is not unready, for the HPA neither.
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
