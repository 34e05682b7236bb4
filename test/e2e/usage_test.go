package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	t.Run("a ScaledObject follows CPU usage as a real HPA does", testScaledObjectFollowsCPUUsageAsRealHPADoes)
	t.Run("pods without a request are named, and hold the count", testPodsWithoutRequestAreNamedAndHoldCount)
}

var podMetrics = schema.GroupVersionResource{Group: "metrics.k8s.io", Version: "v1beta1", Resource: "pods"}

// createPod creates a Deployment of one pod that requests 100m and 100Mi, and uses almost nothing.
func (e *env) createPod(name string) {
	e.t.Helper()
	e.Apply(fmt.Sprintf(`
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

// setUsage sets the usage of one pod of a Deployment, always the same one.
func (e *env) setUsage(name, cpu string) {
	e.t.Helper()
	patch := func(pod string) error {
		_, err := e.Kube.CoreV1().Pods(e.Namespace).Patch(e.t.Context(), pod, types.MergePatchType,
			fmt.Appendf(nil, `{"metadata":{"labels":{"loaded":"yes"},"annotations":{"kwok.x-k8s.io/usage-cpu":%q}}}`, cpu), metav1.PatchOptions{})
		return err
	}
	e.until(name+" has a pod to load", func(ctx context.Context) (bool, error) {
		for _, selector := range []string{"loaded,app=" + name, "app=" + name} {
			pods, err := e.Kube.CoreV1().Pods(e.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
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

// awaitMeasured waits until a Deployment has n replicas and each of its pods has been measured; the count must still be n then.
func (e *env) awaitMeasured(name string, n int32) {
	e.t.Helper()
	var count int32
	var measured int
	err := waitFor(e.t.Context(), 3*timeout, fmt.Sprintf("%s settles at %d", name, n), func(ctx context.Context) (bool, error) {
		list, err := e.Dynamic.Resource(podMetrics).Namespace(e.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + name})
		if err != nil {
			return false, err
		}
		measured, count = len(list.Items), e.count(ctx, name)
		return count == n && measured == int(n), nil
	})
	if err != nil {
		e.t.Fatalf("%v: there are %d replicas, of which %d are measured\n%s", err, count, measured, e.Describe(e.t.Context(), name))
	}
}

// step is a load of one pod, and the count that must follow.
type step struct {
	cpu  string
	want int32
}

// Every step waits until metrics-server has measured new pods, for most of a minute: both autoscalers run at the same time. No load
// is near the limit of another count: two readings of the same load differ by a percent.
func testScaledObjectFollowsCPUUsageAsRealHPADoes(t *testing.T) {
	t.Parallel()
	t.Run("up, and further up", func(t *testing.T) { compareWithHPA(t, step{"190m", 4}, step{"285m", 6}) })
	t.Run("up, down to one, and up again", func(t *testing.T) { compareWithHPA(t, step{"285m", 6}, step{"1m", 1}, step{"95m", 2}) })
}

// hpaOnCPU returns an HPA of up to 10 replicas for the Deployment of the same name, with half of the requested CPU as its target.
func hpaOnCPU(name string) string {
	return fmt.Sprintf(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: %[1]s}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: %[1]s}
  maxReplicas: 10
  behavior: {scaleDown: {stabilizationWindowSeconds: 0}}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
`, name)
}

func compareWithHPA(t *testing.T, steps ...step) {
	t.Helper()
	e := newIdleEnv(t)
	e.createPod("theirs")
	e.createPod("ours")
	e.Apply(hpaOnCPU("theirs"))
	e.Apply(e.converted("theirs", "ours"))
	e.run()
	e.condition("ours", "Ready", "True", "Ready")
	for _, step := range steps {
		for _, name := range []string{"theirs", "ours"} {
			e.setUsage(name, step.cpu)
		}
		for _, name := range []string{"theirs", "ours"} {
			e.awaitMeasured(name, step.want)
		}
	}
	e.awaitParts("ours", "% / 50% × ", "used of 0.1 requested on average")
}

// converted returns the output of `impulse convert` for an HPA of the API server, for the copy of its target.
func (e *env) converted(hpa, replacement string) string {
	e.t.Helper()
	old, err := e.Kubectl(e.t.Context(), "", "get", "hpa", hpa, "-o", "yaml")
	if err != nil {
		e.t.Fatal(err, old)
	}
	cmd := exec.CommandContext(e.t.Context(), e.command, "convert", "-")
	cmd.Stdin = strings.NewReader(old)
	text, err := cmd.Output() // Without what it writes to standard error.
	if err != nil {
		e.t.Fatal(err, string(text))
	}
	return strings.ReplaceAll(string(text), "name: "+hpa+"\n", "name: "+replacement+"\n")
}

// awaitParts waits until the explanation of an object contains some texts.
func (e *env) awaitParts(name string, parts ...string) {
	e.t.Helper()
	var last string
	e.until(name+" is explained", func(ctx context.Context) (bool, error) {
		out, err := e.tool(ctx, "explain", name)
		if ctx.Err() == nil { // The last call may be cut off.
			last = fmt.Sprintf("%s, error %v", out, err)
		}
		return err == nil && !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(out, part) }), nil
	}, func() string { return last })
}

func testPodsWithoutRequestAreNamedAndHoldCount(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("bare", 3)
	e.Apply(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: bare}
spec:
  scaleTargetRef: {name: bare}
  minReplicaCount: 1
  pollingInterval: 1
  triggers: [{type: memory, metadata: {value: 50}}]
`)
	keeps := e.ExpectReplicas("bare", 3)
	e.run()
	e.condition("bare", "Ready", "False", "TriggerFailed")
	e.until("the reason names a pod", func(ctx context.Context) (bool, error) {
		return strings.Contains(e.Describe(ctx, "bare"), "container app of pod bare-"), nil
	}, func() string { return e.Describe(e.t.Context(), "bare") })
	keeps()
}
