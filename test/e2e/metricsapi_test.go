package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestMetricsAPI(t *testing.T) {
	t.Parallel()
	t.Run("a number of an HTTP server scales between idle and the maximum", testNumberOfHTTPServerScalesBetweenIdleAndMaximum)
	t.Run("the pods of a Service are found in its EndpointSlices", testPodsOfServiceAreFoundInItsEndpointSlices)
}

func testNumberOfHTTPServerScalesBetweenIdleAndMaximum(t *testing.T) {
	e := newEnv(t)
	mock := testkit.FreeAddress(t)
	p := e.spawn("mockmetrics", sandbox.Command(e.t, root, "./deploy/mockmetrics"), "--listen", mock)
	e.ApplyDeployment("web", 3)
	e.Apply(fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 0
  maxReplicaCount: 10
  pollingInterval: 1
  cooldownPeriod: 1
  triggers:
  - type: metrics-api
    metadata: {url: 'http://%s/metrics', format: prometheus, valueLocation: total_hit_count, targetValue: 100}
`, mock))
	e.run()
	e.AwaitReplicas("web", 0)
	for _, c := range []struct {
		path string
		want int32
	}{{"up", 10}, {"down", 0}, {"up", 10}} {
		if code := get(t.Context(), "http://"+mock+"/scale/"+c.path); code != http.StatusOK {
			t.Fatalf("mockmetrics responded %d", code)
		}
		e.AwaitReplicas("web", c.want)
	}
	p.Kill()
	e.condition("web", "Ready", "False", "TriggerFailed")
	e.ExpectReplicas("web", 10)()
}

// testPodsOfServiceAreFoundInItsEndpointSlices uses an address that no server has, because Kubernetes refuses those of this machine.
func testPodsOfServiceAreFoundInItsEndpointSlices(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 3)
	e.Apply(fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  pollingInterval: 1
  triggers:
  - type: metrics-api
    metadata: {url: 'http://orders.%s/stats', valueLocation: waiting, targetValue: 10, aggregateFromKubeServiceEndpoints: true, timeout: 100ms}
`, e.Namespace))
	e.run()
	message := func(part string) {
		t.Helper()
		e.status("web", part, func(conditions string) bool { return strings.Contains(conditions, part) }, "conditions")
	}
	message("has no ready pods")
	e.Apply(`
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: orders-1, labels: {kubernetes.io/service-name: orders}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.1], conditions: {ready: true}}]
ports: [{name: http, port: 8080}]
`)
	message("pod 192.0.2.1: ")
}
