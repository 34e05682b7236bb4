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
)

// usage is what the pods of a namespace use, by name.
type usage map[string]sample

// sample is what was measured of one pod.
type sample struct {
	at         scalers.Instant
	window     time.Duration
	containers []container
}

// container is what one container used, in cores and bytes; negative when that was not measured.
type container struct {
	name        string
	cpu, memory scalers.Milli
}

func (c *container) used(of corev1.ResourceName) scalers.Milli {
	if of == corev1.ResourceCPU {
		return c.cpu
	}
	return c.memory
}

// readUsage asks for what the pods of the trigger's namespace use.
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

// reason says in words why a list failed, and what is most likely wrong.
func reason(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case apierrors.IsNotFound(err):
		return fmt.Errorf("this cluster does not have the resource metrics API; install metrics-server: %w", err)
	case apierrors.IsServiceUnavailable(err):
		return fmt.Errorf("metrics-server does not answer: %w", err)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("impulse may not read it; the rights in deploy/manifests let it: %w", err)
	}
	return err
}

// sampleOf is what an answer says of one pod. Without a time it has none of its containers: nobody knows how old it is.
func sampleOf(m *metricsv1beta1.PodMetrics) sample {
	s := sample{at: scalers.InstantOf(m.Timestamp.Time), window: m.Window.Duration}
	if m.Timestamp.IsZero() {
		return s
	}
	if s.window <= 0 { // A longer one than most: a pod that has just become ready is missing for longer, which never makes a move larger.
		s.window = shortestPatience
	}
	s.containers = make([]container, len(m.Containers))
	for i := range m.Containers {
		c := &m.Containers[i]
		s.containers[i] = container{c.Name, amount(c.Usage, corev1.ResourceCPU), amount(c.Usage, corev1.ResourceMemory)}
	}
	return s
}

// amount is what was measured of a resource; negative when it is not there. A quantity that was null is the zero Quantity, which
// has no format; one of 0 has.
func amount(of corev1.ResourceList, name corev1.ResourceName) scalers.Milli {
	q, ok := of[name]
	switch {
	case !ok || q.Format == "" || q.Sign() < 0:
		return -1
	case q.CmpInt64(math.MaxInt64/1000) > 0:
		return math.MaxInt64 // MilliValue is 0 then.
	default:
		return scalers.Milli(q.MilliValue())
	}
}

// sum adds two amounts that are not negative, and saturates.
func sum(a, b scalers.Milli) scalers.Milli {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
