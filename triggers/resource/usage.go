package resource

import (
	"context"
	"fmt"
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/quantity"
)

// usage is the samples of the pods of a namespace, by name.
type usage map[string]sample

// sample is one measurement of a pod.
type sample struct {
	at         scalers.Instant
	window     time.Duration
	containers []container
}

// container is the usage of one container, in thousandths of a core or a byte; negative when it was not measured.
type container struct {
	name        string
	cpu, memory scalers.Milli
}

func (c *container) usage(of corev1.ResourceName) scalers.Milli {
	if of == corev1.ResourceCPU {
		return c.cpu
	}
	return c.memory
}

// readUsage reads the usage of the pods in the trigger's namespace.
func readUsage(ctx context.Context, env triggers.Env) (usage, error) {
	list, err := env.PodMetrics(ctx, env.Namespace)
	if err != nil {
		return nil, fmt.Errorf("list pods.metrics.k8s.io of namespace %s: %w", env.Namespace, reason(ctx, err))
	}
	return usageOf(list), nil
}

func usageOf(list *metricsv1beta1.PodMetricsList) usage {
	all := make(usage, len(list.Items))
	for i := range list.Items {
		all[list.Items[i].Name] = sampleOf(&list.Items[i])
	}
	return all
}

// reason returns why a list failed: the cause of the end of ctx, or err with the most likely remedy.
func reason(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("this cluster does not have the resource metrics API; install metrics-server: %w", err)
	case apierrors.IsServiceUnavailable(err):
		return fmt.Errorf("metrics-server does not answer: %w", err)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("impulse is not allowed to read it; deploy/manifests has the necessary permissions: %w", err)
	}
	return err
}

// sampleOf converts the metrics of one pod. Without a timestamp the sample has no containers, because its age is unknown.
func sampleOf(m *metricsv1beta1.PodMetrics) sample {
	s := sample{at: scalers.InstantOf(m.Timestamp.Time), window: m.Window.Duration}
	if m.Timestamp.IsZero() {
		return s
	}
	// A sample without a window is assumed to cover minInterval, which is usually longer than its real window. The cpu of a new pod then
	// counts later, as with the HPA and a long window.
	if s.window <= 0 {
		s.window = minInterval
	}
	s.containers = make([]container, len(m.Containers))
	for i := range m.Containers {
		c := &m.Containers[i]
		s.containers[i] = container{c.Name, amount(c.Usage, corev1.ResourceCPU), amount(c.Usage, corev1.ResourceMemory)}
	}
	return s
}

// amount returns the measured amount of a resource; negative when it is missing.
func amount(of corev1.ResourceList, name corev1.ResourceName) scalers.Milli {
	if used, ok := quantity.Milli(of[name]); ok {
		return used
	}
	return -1
}

// sum returns a + b, saturating; both are 0 or more.
func sum(a, b scalers.Milli) scalers.Milli {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
