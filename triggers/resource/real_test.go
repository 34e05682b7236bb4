package resource

import (
	"context"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
	client "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

// real is a pod in the sandbox that uses 250m and 64Mi, and the metrics-server that measures it.
type real struct {
	namespace string
	here      client.PodMetricsesGetter
	// nowhere is a client for an address without a server. It is used while broken.
	nowhere client.PodMetricsesGetter
	broken  atomic.Bool
}

func newReal(t *testing.T) *real {
	t.Helper()
	config := sandbox.Config(t)
	r := &real{namespace: sandbox.Namespace(t, config), here: client.NewForConfigOrDie(config)}
	dead := rest.CopyConfig(config)
	dead.Host = "https://" + testkit.FreeAddress(t)
	r.nowhere = client.NewForConfigOrDie(dead)
	_, err := kubernetes.NewForConfigOrDie(config).CoreV1().Pods(r.namespace).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "busy", Annotations: map[string]string{
			"kwok.x-k8s.io/usage-cpu": "250m", "kwok.x-k8s.io/usage-memory": "64Mi",
		}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app", Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: apiresource.MustParse("500m"), corev1.ResourceMemory: apiresource.MustParse("128Mi")},
		}}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "metrics-server has a sample of the pod", func(ctx context.Context) bool {
		list, err := r.list(ctx, r.namespace)
		return err == nil && len(list.Items) == 1
	})
	return r
}

func (r *real) list(ctx context.Context, namespace string) (*metricsv1beta1.PodMetricsList, error) {
	from := r.here
	if r.broken.Load() {
		from = r.nowhere
	}
	return from.PodMetricses(namespace).List(ctx, metav1.ListOptions{})
}

// env returns the metrics of the pod's namespace, whatever the namespace of the trigger is, and the pod.
func (r *real) env() triggers.Env {
	return triggers.Env{
		Metric: scalers.Utilization,
		PodMetrics: func(ctx context.Context, _ string) (*metricsv1beta1.PodMetricsList, error) {
			return r.list(ctx, r.namespace)
		},
		Pods: func() ([]triggers.Pod, error) {
			requests := triggers.Requests{CPU: 500, Memory: 128 << 20 * 1000}
			return []triggers.Pod{{Name: "busy", Containers: []triggers.Container{{Name: "app", Requests: requests}}}}, nil
		},
	}
}

// Both subtests use the same pod, because metrics-server needs up to half a minute to measure a pod. Conform counts goroutines, so nothing
// runs in parallel.
func TestRealMetricsServer(t *testing.T) {
	r := newReal(t)
	t.Run("what a pod uses is read", func(t *testing.T) { readsWhatAPodUses(t, r) })
	t.Run("both kinds conform", func(t *testing.T) { conform(t, r) })
}

func conform(t *testing.T, r *real) {
	t.Helper()
	for _, kind := range []triggers.Kind{CPU(), Memory()} {
		t.Run(kind.Name, func(t *testing.T) {
			triggertest.Conform(t, kind, triggertest.Fixture{
				Metadata: map[string]string{"value": "50", "containerName": "app"},
				Env:      r.env(),
				Break:    func(testing.TB) { r.broken.Store(true) },
				Repair:   func(testing.TB) { r.broken.Store(false) },
			})
		})
	}
}

func readsWhatAPodUses(t *testing.T, r *real) {
	t.Helper()
	for resource, want := range map[corev1.ResourceName]scalers.Milli{corev1.ResourceCPU: 250, corev1.ResourceMemory: 64 << 20 * 1000} {
		var all usage
		testkit.Eventually(t, "the usage is read", func(ctx context.Context) bool { // It is not while metrics-server is busy.
			var err error
			all, err = readUsage(context.WithoutCancel(ctx), r.env())
			return err == nil
		})
		busy := all["busy"]
		m := &meter{resource: resource, metric: scalers.Utilization, pods: r.env().Pods}
		e := m.event(busy.at, all)
		if e.Err != nil || len(e.Pods) != 1 {
			t.Fatalf("got the event %+v, want a reading of one pod", e)
		}
		if used := e.Pods[0].Usage; used < want-want/10 || used > want+want/10 { // The samples may be taken late.
			t.Errorf("usage of %s: got %s, want %s within 10 %%", resource, used, want)
		}
	}
}
