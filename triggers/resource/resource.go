// Package resource reads what pods use of a resource, as a HorizontalPodAutoscaler does: from the resource metrics API,
// which is most often served by metrics-server.
//
// It has two kinds, cpu and memory. Both are sampled: a namespace is read once per pollingInterval for all triggers of all
// objects in it, and each trigger looks at the pods of its own target.
package resource

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// CPU describes the trigger type cpu.
func CPU() triggers.Kind {
	return describe(triggers.Define("cpu", "What the target's pods use of their CPU, from the resource metrics API.", cpu{},
		func(c cpu, env triggers.Env) (triggers.Source, error) {
			return open(corev1.ResourceCPU, Config(c), env)
		}), "60")
}

// Memory describes the trigger type memory.
func Memory() triggers.Kind {
	return describe(triggers.Define("memory", "What the target's pods use of their memory, from the resource metrics API.", memory{},
		func(c memory, env triggers.Env) (triggers.Source, error) {
			return open(corev1.ResourceMemory, Config(c), env)
		}), "80")
}

func describe(k triggers.Kind, value string) triggers.Kind {
	k.Metrics = []scalers.Metric{scalers.Utilization, scalers.AverageValue}
	k.Example = map[string]string{"value": value}
	return k
}

// open makes the source; it does no I/O.
func open(name corev1.ResourceName, c Config, env triggers.Env) (triggers.Source, error) {
	if env.PodMetrics == nil || env.Pods == nil {
		return nil, errors.New("there is no cluster to ask what pods use")
	}
	m := &meter{resource: name, container: c.ContainerName, metric: env.Metric, interval: env.PollingInterval, pods: env.Pods}
	read := func(ctx context.Context) (usage, error) { return readUsage(ctx, env) }
	return triggers.PollEach(triggers.PollKey{Server: "metrics.k8s.io", Key: "resource\x00" + env.Namespace}, read, m.event, env), nil
}

// shortestPatience is the least interval that a sample's age is compared with.
const shortestPatience = 30 * time.Second

// meter looks at the pods of one target.
type meter struct {
	resource  corev1.ResourceName
	container string // "" for all containers of a pod.
	metric    scalers.Metric
	interval  time.Duration
	pods      func() ([]triggers.Pod, error)
}

// tooOld reports whether a sample is not to be believed at an instant: metrics-server has stopped to look at the pod, but
// says what it saw last. It looks once in a window, and we ask once in an interval; thrice the longer of the two is too
// long.
func (m *meter) tooOld(s *sample, at scalers.Instant) bool { return s.at < at.Add(-m.patience(s)) }

func (m *meter) patience(s *sample) time.Duration {
	return 3 * max(m.interval, s.window, shortestPatience)
}
