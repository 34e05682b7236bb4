package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestAdapter(t *testing.T) {
	t.Parallel()
	t.Run("old HPAs on a metrics adapter are converted, and scale as a real HPA does", testOldHPAsOnMetricsAdapterAreConvertedAndScaleAsRealHPADoes)
	t.Run("a metric or an adapter that is missing holds the count, and the explanation says why", testMetricOrAdapterThatIsMissingHoldsCountAndExplanationSaysWhy)
}

// mock starts mockmetrics, and returns its address.
func (e *env) mock() (string, *process.Process) {
	e.t.Helper()
	address := testkit.FreeAddress(e.t)
	return address, e.spawn("mockmetrics", sandbox.Command(e.t, root, "./deploy/mockmetrics"), "--listen", address)
}

// scaleMock sends up, down or stop to mockmetrics, as soon as it listens.
func (e *env) scaleMock(address, command string) {
	e.t.Helper()
	e.until("mockmetrics has obeyed", func(ctx context.Context) (bool, error) {
		return get(ctx, "http://"+address+"/scale/"+command) == http.StatusOK, nil
	}, func() string { return "" })
}

// awaitHits waits until the count of mockmetrics is at least n, or 0 if n is 0.
func (e *env) awaitHits(address string, n int) {
	e.t.Helper()
	pattern := regexp.MustCompile(`(?m)^total_hit_count (\d+)$`)
	var hits int
	e.until(fmt.Sprintf("%d hits", n), func(ctx context.Context) (bool, error) {
		_, text := testkit.Get(ctx, "http://"+address+"/metrics")
		found := pattern.FindStringSubmatch(text)
		if found == nil {
			return false, nil
		}
		var err error
		hits, err = strconv.Atoi(found[1])
		return hits >= n && (n > 0 || hits == 0), err
	}, func() string { return fmt.Sprintf("there are %d", hits) })
}

// oldHPAs are a Service and three HPAs, as people wrote them before Kubernetes 1.23: one for each API of a metrics adapter. Their
// behavior is in an annotation, so that they scale down at once.
const oldHPAs = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
---
apiVersion: autoscaling/v2beta1
kind: HorizontalPodAutoscaler
metadata:
  name: web
  annotations: {autoscaling.alpha.kubernetes.io/behavior: '{"ScaleDown":{"StabilizationWindowSeconds":0}}'}
spec:
  scaleTargetRef: {apiVersion: extensions/v1beta1, kind: Deployment, name: web}
  minReplicas: 1
  maxReplicas: 10
  metrics:
  - type: Object
    object:
      target: {kind: Service, name: web}
      metricName: total_hit_count
      targetValue: 100
---
apiVersion: autoscaling/v2beta1
kind: HorizontalPodAutoscaler
metadata:
  name: orders
  annotations: {autoscaling.alpha.kubernetes.io/behavior: '{"ScaleDown":{"StabilizationWindowSeconds":0}}'}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: orders}
  minReplicas: 1
  maxReplicas: 10
  metrics:
  - type: External
    external:
      metricName: total_hit_count
      metricSelector: {matchLabels: {service: web}}
      targetAverageValue: 60
---
apiVersion: autoscaling/v2beta1
kind: HorizontalPodAutoscaler
metadata:
  name: each
  annotations: {autoscaling.alpha.kubernetes.io/behavior: '{"ScaleDown":{"StabilizationWindowSeconds":0}}'}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: each}
  minReplicas: 1
  maxReplicas: 10
  metrics:
  - type: Pods
    pods:
      metricName: total_hit_count
      targetAverageValue: 100
`

// referenceHPA is the first of oldHPAs for another target, in a version that is served.
const referenceHPA = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: theirs}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: theirs}
  minReplicas: 1
  maxReplicas: 10
  behavior: {scaleDown: {stabilizationWindowSeconds: 0}}
  metrics:
  - type: Object
    object:
      describedObject: {apiVersion: v1, kind: Service, name: web}
      metric: {name: total_hit_count}
      target: {type: Value, value: 100}
`

// podsOf is a StatefulSet with three pods, whose names are known before they exist.
const podsOf = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: each}
spec:
  replicas: 3
  serviceName: each
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: each}}
  template:
    metadata: {labels: {app: each}}
    spec: {containers: [{name: app, image: app}]}
`

// The converted objects read every 15 s, as an HPA syncs, so most of the time passes between two readings.
func testOldHPAsOnMetricsAdapterAreConvertedAndScaleAsRealHPADoes(t *testing.T) {
	e := newIdleEnv(t)
	address, _ := e.mock()
	targets := []sandbox.Target{{Address: address, Labels: map[string]string{"namespace": e.Namespace, "service": "web"}}}
	for i := range 10 {
		pod := fmt.Sprintf("each-%d", i)
		targets = append(targets, sandbox.Target{Address: address, Labels: map[string]string{"namespace": e.Namespace, "pod": pod}})
	}
	sandbox.Scrape(t, e.Namespace, targets...)
	for _, name := range []string{"web", "orders", "theirs"} {
		e.ApplyDeployment(name, 3)
	}
	e.Apply(podsOf + "---" + e.convertedText(oldHPAs))
	e.Apply(referenceHPA)
	e.run()

	e.awaitCounts(1) // 0/100
	e.scaleMock(address, "up")
	e.awaitHits(address, 600)
	e.scaleMock(address, "stop")
	e.awaitCounts(10)
	e.awaitParts("web", "keeps 10 replicas", "/ 100 × ", "maxReplicaCount")
	e.scaleMock(address, "down")
	e.awaitHits(address, 0)
	e.awaitCounts(1)
}

// convertedText returns what `impulse convert` writes for a file.
func (e *env) convertedText(file string) string {
	e.t.Helper()
	cmd := exec.CommandContext(e.t.Context(), e.command, "convert", "-")
	cmd.Stdin = strings.NewReader(file)
	text, err := cmd.Output() // Without what it writes to standard error.
	if err != nil {
		e.t.Fatal(err, string(text))
	}
	return string(text)
}

// awaitCounts waits until each workload of the old HPAs, and the one of the real HPA, has n replicas.
func (e *env) awaitCounts(n int32) {
	e.t.Helper()
	for _, name := range []string{"theirs", "web", "orders"} {
		e.AwaitReplicas(name, n)
	}
	var got string
	e.until(fmt.Sprintf("each has %d replicas", n), func(ctx context.Context) (bool, error) {
		var err error
		got, err = e.Kubectl(ctx, "", "get", "statefulset", "each", "-o", "jsonpath={.spec.replicas}")
		return got == strconv.Itoa(int(n)), err
	}, func() string { return "it has " + got + "\n" + e.Describe(e.t.Context(), "each") })
}

// onAdapter are a ScaledObject on an Object metric and one on an External metric: 1000 hits are 4 replicas.
const onAdapter = `
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 1
  pollingInterval: 1
  cooldownPeriod: 1
  triggers:
  - {type: kubernetes-object, name: hits, metadata: {metricName: total_hit_count, objectKind: Service, objectName: web, value: 250}}
---
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: orders}
spec:
  scaleTargetRef: {name: orders}
  minReplicaCount: 1
  pollingInterval: 1
  cooldownPeriod: 1
  triggers:
  - {type: kubernetes-external, name: hits, metadata: {metricName: total_hit_count, metricSelector: service=web, value: 250}}
`

// outageOfAdapter is a fault between a metric and its reader, and the reasons that both objects of onAdapter must give.
type outageOfAdapter struct {
	begin, end    func()
	object, other string
}

func testMetricOrAdapterThatIsMissingHoldsCountAndExplanationSaysWhy(t *testing.T) {
	t.Parallel()
	acquireSlot(t)
	o := sandbox.NewControlPlane(t, "prometheus", "metrics-adapter")
	o.ApplyCRDs(root + "/deploy/crds")
	e := envOf(t, o.NewEnv())
	e.manifests("apply", "--server-side")
	address, mock := e.mock()
	o.Scrape("mock", sandbox.Target{Address: address, Labels: map[string]string{"namespace": e.Namespace, "service": "web"}})
	e.scaleMock(address, "up")
	e.awaitHits(address, 1000)
	e.Apply(onAdapter)
	names := []string{"web", "orders"}
	for _, name := range names {
		e.ApplyDeployment(name, 1)
	}
	e.run("--kubeconfig", e.serviceAccount(), "--lease-namespace", "impulse-system") // The permissions of the manifests are enough.
	var holds []func()
	for _, name := range names {
		e.AwaitReplicas(name, 4)
		holds = append(holds, e.ExpectReplicas(name, 4))
	}

	for _, fault := range []outageOfAdapter{
		{
			func() { e.signal(mock, syscall.SIGSTOP) }, func() { e.signal(mock, syscall.SIGCONT) },
			"the metrics adapter does not have it", "the answer has no series",
		},
		{func() { o.Stop("prometheus") }, func() { o.Start("prometheus") }, "query Prometheus", "query Prometheus"},
		{func() { o.Pause("metrics-adapter") }, func() { o.Resume("metrics-adapter") }, "no answer within 1s", "no answer within 1s"},
		{
			func() { o.Stop("metrics-adapter"); e.awaitUnavailable() }, func() { o.Start("metrics-adapter") },
			"the metrics adapter does not answer", "the metrics adapter does not answer",
		},
		{
			e.unregister, func() {},
			"no adapter serves custom.metrics.k8s.io", "no adapter serves external.metrics.k8s.io",
		},
	} {
		for _, name := range names {
			e.condition(name, "Ready", "True", "Ready")
		}
		fault.begin()
		for name, reason := range map[string]string{"web": fault.object, "orders": fault.other} {
			e.condition(name, "Ready", "False", "TriggerFailed")
			e.awaitParts(name, "keeps 4 replicas: TriggerFailed: hits is unknown", reason)
		}
		fault.end()
	}
	for _, hold := range holds {
		hold()
	}
}

func (e *env) signal(p *process.Process, signal syscall.Signal) {
	e.t.Helper()
	if err := p.Signal(signal); err != nil {
		e.t.Fatal(err)
	}
}

// The versions of the metrics APIs.
var metricsAPIs = []string{"v1beta1.custom.metrics.k8s.io", "v1beta2.custom.metrics.k8s.io", "v1beta1.external.metrics.k8s.io"}

// awaitUnavailable waits until the API server knows that the adapter does not answer. From then on it answers for the adapter.
func (e *env) awaitUnavailable() {
	e.t.Helper()
	e.mustKubectl(append([]string{"wait", "--for=condition=Available=false", "--timeout=" + timeout.String(), "apiservice"}, metricsAPIs...)...)
}

// unregister removes the metrics APIs from the API server.
func (e *env) unregister() {
	e.t.Helper()
	e.mustKubectl(append([]string{"delete", "apiservice"}, metricsAPIs...)...)
}
