package resource

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// CPU returns the kind cpu.
func CPU() triggers.Kind {
	return describe(triggers.Define("cpu", "The CPU usage of the target's pods, from the resource metrics API.", cpu{},
		func(c cpu, env triggers.Env) (triggers.Source, error) {
			return open(corev1.ResourceCPU, Config(c), env)
		}), "60")
}

// Memory returns the kind memory.
func Memory() triggers.Kind {
	return describe(triggers.Define("memory", "The memory usage of the target's pods, from the resource metrics API.", memory{},
		func(c memory, env triggers.Env) (triggers.Source, error) {
			return open(corev1.ResourceMemory, Config(c), env)
		}), "80")
}

// describe adds what both kinds have in common.
func describe(k triggers.Kind, value string) triggers.Kind {
	k.Metrics = []scalers.Metric{scalers.Utilization, scalers.AverageValue}
	k.Example = map[string]string{"value": value}
	return k
}

// open returns the source. It does no I/O.
func open(name corev1.ResourceName, c Config, env triggers.Env) (triggers.Source, error) {
	if env.PodMetrics == nil || env.Pods == nil {
		return nil, errors.New("the resource metrics API needs a cluster")
	}
	m := &meter{resource: name, container: c.ContainerName, metric: env.Metric, interval: env.PollingInterval, pods: env.Pods}
	read := func(ctx context.Context) (usage, error) { return readUsage(ctx, env) }
	return triggers.PollEach(triggers.PollKey{Server: "metrics.k8s.io", Key: "resource\x00" + env.Namespace}, read, m.event, env), nil
}

// minInterval is the shortest interval that maxAge assumes, so that a short polling interval does not make samples too old.
const minInterval = 30 * time.Second

// meter measures the pods of one target.
type meter struct {
	resource  corev1.ResourceName
	container string // "" for all containers of a pod.
	metric    scalers.Metric
	interval  time.Duration
	pods      func() ([]triggers.Pod, error)
}

// tooOld reports whether a sample is too old at an instant, because metrics-server stopped measuring the pod but still serves its last
// sample.
func (m *meter) tooOld(s *sample, at scalers.Instant) bool { return s.at < at.Add(-m.maxAge(s)) }

// maxAge returns the greatest age of a sample that counts: three times the longest of the polling interval, the window of the sample
// and minInterval.
func (m *meter) maxAge(s *sample) time.Duration {
	return 3 * max(m.interval, s.window, minInterval)
}
