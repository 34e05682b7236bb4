package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestRemoteWrite(t *testing.T) {
	t.Parallel()
	t.Run("samples that a real Prometheus writes to a follower scale, and their absence holds the count", testSamplesThatPrometheusWritesToFollowerScale)
}

// writer starts a real Prometheus that scrapes a target every second, and writes its samples to a URL in version 2.0.
func (e *env) writer(target, url string) (string, *process.Process) {
	e.t.Helper()
	config := filepath.Join(e.t.TempDir(), "prometheus.yml")
	text := fmt.Sprintf(`
global: {scrape_interval: 1s}
scrape_configs: [{job_name: mock, static_configs: [{targets: ['%s']}]}]
remote_write:
- url: %s
  protobuf_message: io.prometheus.write.v2.Request
  queue_config: {batch_send_deadline: 50ms}
`, target, url)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
	address := testkit.FreeAddress(e.t)
	return address, e.spawn("prometheus", sandbox.Binary(e.t, "prometheus"), "--config.file", config,
		"--storage.tsdb.path", e.t.TempDir(), "--web.listen-address", address)
}

// samplesOf matches the numbers of samples that a Prometheus counts as sent and as failed.
var samplesOf = regexp.MustCompile(`(?m)^prometheus_remote_storage_samples_((?:failed_)?total)\{.*\} (\S+)$`)

// expectAccepted fails the test unless Prometheus counts all the samples that it has sent as accepted.
func (e *env) expectAccepted(prometheus string) {
	e.t.Helper()
	code, text := testkit.Get(e.t.Context(), "http://"+prometheus+"/metrics")
	counts := map[string]string{}
	for _, match := range samplesOf.FindAllStringSubmatch(text, -1) {
		counts[match[1]] = match[2]
	}
	if code != http.StatusOK || counts["total"] == "" || counts["total"] == "0" || counts["failed_total"] != "0" {
		e.t.Errorf("got %d, and Prometheus counts the samples %v; want some, and 0 as failed", code, counts)
	}
}

func testSamplesThatPrometheusWritesToFollowerScale(t *testing.T) {
	e := newEnv(t)
	mock, _ := e.mock()
	e.ApplyDeployment("web", 3)
	e.Apply(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 1
  maxReplicaCount: 10
  cooldownPeriod: 1
  triggers:
  - type: prometheus-remote-write
    metadata: {selector: 'total_hit_count{job="mock"}', aggregation: last, ttl: 5s, threshold: 100}
`)
	keeps := e.ExpectReplicas("web", 3)
	e.run()
	follower := e.run()
	e.condition("web", "Ready", "False", "TriggerFailed") // No sample has arrived.
	keeps()
	address, prometheus := e.writer(mock, follower.url+"/v1/prometheus/"+e.Namespace+"/write")
	e.AwaitReplicas("web", 1)
	e.condition("web", "Ready", "True", "Ready")
	e.scaleMock(mock, "up")
	e.AwaitReplicas("web", 10)
	e.expectAccepted(address)
	keeps = e.ExpectReplicas("web", 10)
	prometheus.Kill()
	e.until("the object says that no sample arrives", func(ctx context.Context) (bool, error) {
		return strings.Contains(e.Describe(ctx, "web"), "no sample has arrived for 5s, the ttl"), nil
	}, func() string { return e.Describe(t.Context(), "web") })
	keeps()
}
