package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

var podMetrics = schema.GroupVersionResource{Group: "metrics.k8s.io", Version: "v1beta1", Resource: "pods"}

// busy makes a Deployment of one pod that requests 100m and 100Mi, and uses next to nothing.
func (w *world) busy(name string) {
	w.t.Helper()
	w.apply(fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec: {containers: [{name: app, image: app, resources: {requests: {cpu: 100m, memory: 100Mi}}}]}
`, name))
}

// loads lets one pod of a Deployment, the same as before, use so much.
func (w *world) loads(name, cpu string) {
	w.t.Helper()
	patch := func(pod string) error {
		_, err := w.kube.CoreV1().Pods(w.ns).Patch(w.t.Context(), pod, types.MergePatchType,
			fmt.Appendf(nil, `{"metadata":{"labels":{"loaded":"yes"},"annotations":{"kwok.x-k8s.io/usage-cpu":%q}}}`, cpu), metav1.PatchOptions{})
		return err
	}
	w.until(name+" has a pod to load", func(ctx context.Context) (bool, error) {
		for _, selector := range []string{"loaded,app=" + name, "app=" + name} {
			pods, err := w.kube.CoreV1().Pods(w.ns).List(ctx, metav1.ListOptions{LabelSelector: selector})
			if err != nil {
				return false, err
			}
			for i := range pods.Items {
				if pods.Items[i].DeletionTimestamp == nil {
					return true, patch(pods.Items[i].Name)
				}
			}
		}
		return false, nil
	}, func() string { return "" })
}

// settles waits until a Deployment has n replicas and each of its pods has been measured; it must still have n then.
func (w *world) settles(name string, n int32) {
	w.t.Helper()
	var count int32
	var measured int
	err := process.WaitFor(w.t.Context(), 3*patience, fmt.Sprintf("%s settles at %d", name, n), func(ctx context.Context) (bool, error) {
		list, err := w.dynamic.Resource(podMetrics).Namespace(w.ns).List(ctx, metav1.ListOptions{LabelSelector: "app=" + name})
		if err != nil {
			return false, err
		}
		measured, count = len(list.Items), w.count(ctx, name)
		return count == n && measured == int(n), nil
	})
	if err != nil {
		w.t.Fatalf("%v: it has %d, of which %d are measured\n%s", err, count, measured, w.describe(w.t.Context(), name))
	}
}

// step is a load of one pod, and the count that must follow.
type step struct {
	cpu  string
	want int32
}

// Every step waits until metrics-server has measured new pods, for most of a minute: the two ways run side by side. No load
// is near the edge of another count: two readings of the same load differ by a percent.
func TestAScaledObjectFollowsTheCPUAsARealHPADoes(t *testing.T) {
	t.Parallel()
	t.Run("up, and further up", func(t *testing.T) { followsAsTheHPADoes(t, step{"190m", 4}, step{"285m", 6}) })
	t.Run("up, down to one, and up again", func(t *testing.T) { followsAsTheHPADoes(t, step{"285m", 6}, step{"1m", 1}, step{"95m", 2}) })
}

func followsAsTheHPADoes(t *testing.T, steps ...step) {
	t.Helper()
	w := newIdleWorld(t)
	w.busy("theirs")
	w.busy("ours")
	w.apply(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: theirs}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: theirs}
  maxReplicas: 10
  behavior: {scaleDown: {stabilizationWindowSeconds: 0}}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
`)
	w.apply(w.converted("theirs", "ours"))
	w.run()
	w.condition("ours", "Ready", "True", "Ready")
	for _, step := range steps {
		for _, name := range []string{"theirs", "ours"} {
			w.loads(name, step.cpu)
		}
		for _, name := range []string{"theirs", "ours"} {
			w.settles(name, step.want)
		}
	}
	w.explained("ours", "% / 50% × ", "used of 0.1 requested on average")
}

// converted is what `impulse convert` makes of an HPA as the API server has it, for the twin of its target.
func (w *world) converted(hpa, twin string) string {
	w.t.Helper()
	old, err := w.kubectl(w.t.Context(), "", "get", "hpa", hpa, "-o", "yaml")
	if err != nil {
		w.t.Fatal(err, old)
	}
	text, err := process.RunWithInput(w.t.Context(), strings.NewReader(old), suite.impulse, "convert", "-")
	if err != nil {
		w.t.Fatal(err, text)
	}
	return strings.ReplaceAll(text, "name: "+hpa+"\n", "name: "+twin+"\n")
}

// explained waits until the explanation of an object says all of it.
func (w *world) explained(name string, parts ...string) {
	w.t.Helper()
	var last string
	w.until(name+" is explained", func(ctx context.Context) (bool, error) {
		out, err := w.tool(ctx, "explain", name)
		last = out
		return err == nil && !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(out, part) }), nil
	}, func() string { return last })
}

func TestPodsThatRequestNothingAreNamedAndHeld(t *testing.T) {
	w := newWorld(t)
	w.deployment("bare", 3)
	w.apply(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: bare}
spec:
  scaleTargetRef: {name: bare}
  minReplicaCount: 1
  pollingInterval: 1
  triggers: [{type: memory, metadata: {value: 50}}]
`)
	keeps := w.never("bare", 3)
	w.run()
	w.condition("bare", "Ready", "False", "TriggerFailed")
	w.until("the reason names a pod", func(ctx context.Context) (bool, error) {
		return strings.Contains(w.describe(ctx, "bare"), "container app of pod bare-"), nil
	}, func() string { return w.describe(t.Context(), "bare") })
	keeps()
}
