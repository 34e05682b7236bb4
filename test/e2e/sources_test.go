package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestSources(t *testing.T) {
	t.Parallel()
	t.Run("a real Prometheus query is followed, and its absence holds the count", testRealPrometheusQueryIsFollowedAndItsAbsenceHoldsCount)
	t.Run("JetStream messages activate a workload, which is idle when they are drained", testJetStreamMessagesActivateWorkloadWhichIsIdleWhenTheyAreDrained)
	t.Run("a consumer that is paused or will be deleted is in the status", testConsumerThatIsPausedOrWillBeDeletedIsInStatus)
	t.Run("a schedule begins at its edge", testScheduleBeginsAtItsEdge)
	t.Run("the maximum of two triggers wins", testMaximumOfTwoTriggersWins)
}

// prometheus starts a real Prometheus on an address of the caller's choice, scraping a target.
func (e *env) prometheus(address, target string) {
	e.t.Helper()
	config := filepath.Join(e.t.TempDir(), "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs: [{job_name: mock, static_configs: [{targets: ['%s']}]}]\n", target)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
	p := e.spawn("prometheus", sandbox.Binary(e.t, "prometheus"), "--config.file", config,
		"--storage.tsdb.path", e.t.TempDir(), "--web.listen-address", address)
	e.until("prometheus is ready", func(ctx context.Context) (bool, error) {
		return get(ctx, "http://"+address+"/-/ready") == http.StatusOK, p.Err()
	}, func() string { return p.LogTail(logTail) })
}

func testRealPrometheusQueryIsFollowedAndItsAbsenceHoldsCount(t *testing.T) {
	e := newEnv(t)
	mock, prometheus := testkit.FreeAddress(t), testkit.FreeAddress(t)
	e.spawn("mockmetrics", sandbox.Command(e.t, root, "./deploy/mockmetrics"), "--listen", mock)
	e.ApplyDeployment("web", 3)
	e.Apply(fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 1
  maxReplicaCount: 10
  pollingInterval: 1
  cooldownPeriod: 1
  triggers:
  - type: prometheus
    metadata: {serverAddress: 'http://%s', query: total_hit_count, threshold: 100}
`, prometheus))
	keeps := e.ExpectReplicas("web", 3)
	e.run()
	e.condition("web", "Ready", "False", "TriggerFailed") // The source is down at the start: hold, and say so.
	keeps()
	e.prometheus(prometheus, mock)
	e.AwaitReplicas("web", 1)
	e.condition("web", "Ready", "True", "Ready")
	if code := get(t.Context(), "http://"+mock+"/scale/up"); code != http.StatusOK {
		t.Fatalf("mockmetrics responded %d", code)
	}
	e.AwaitReplicas("web", 10)
}

func testJetStreamMessagesActivateWorkloadWhichIsIdleWhenTheyAreDrained(t *testing.T) {
	e := newEnv(t)
	address, js := e.nats()
	consumer := e.queue(js, "WORK", jetstream.ConsumerConfig{Durable: "workers"})
	e.ApplyDeployment("worker", 0)
	e.Apply(onQueue(address))
	e.run()
	e.condition("worker", "Ready", "True", "Ready")
	e.send(js, 35)
	e.AwaitReplicas("worker", 4)
	e.drain(consumer)
	e.AwaitReplicas("worker", 0)
}

// The object may be idle at 0. Messages of a paused consumer do not activate the workload; a consumer that the server will delete
// because it has no workers is reported before and after its deletion.
func testConsumerThatIsPausedOrWillBeDeletedIsInStatus(t *testing.T) {
	e := newEnv(t)
	address, js := e.nats()
	e.queue(js, "WORK", jetstream.ConsumerConfig{Durable: "workers", InactiveThreshold: time.Hour})
	e.request("the consumer is paused", func(ctx context.Context) error {
		_, err := js.PauseConsumer(ctx, "WORK", "workers", time.Now().Add(time.Hour))
		return err
	})
	e.send(js, 1)
	e.ApplyDeployment("worker", 0)
	e.Apply(onQueue(address))
	keeps := e.ExpectReplicas("worker", 0)
	e.run()
	e.condition("worker", "SourceNotice", "True", "ConsumerPaused")
	e.condition("worker", "Ready", "True", "Ready")
	keeps()
	e.request("the consumer is resumed", func(ctx context.Context) error {
		_, err := js.ResumeConsumer(ctx, "WORK", "workers")
		return err
	})
	e.AwaitReplicas("worker", 1)
	e.condition("worker", "SourceNotice", "True", "ConsumerExpires")
	keeps = e.ExpectReplicas("worker", 1)
	e.queue(js, "WORK", jetstream.ConsumerConfig{Durable: "workers", InactiveThreshold: time.Second})
	e.condition("worker", "Ready", "False", "TriggerFailed") // No request was sent: the Pods of this cluster do nothing.
	keeps()
}

// onQueue returns a ScaledObject that scales worker, which may be idle at 0, on the consumer workers of the stream WORK.
func onQueue(address string) string {
	return fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: worker}
spec:
  scaleTargetRef: {name: worker}
  maxReplicaCount: 8
  pollingInterval: 1
  cooldownPeriod: 1
  triggers:
  - type: nats-jetstream
    metadata: {natsServerURL: 'nats://%s', stream: WORK, consumer: workers, lagThreshold: 10}
`, address)
}

// queue creates or changes a stream with a subject of the same name, and its consumer.
func (e *env) queue(js jetstream.JetStream, name string, config jetstream.ConsumerConfig) (consumer jetstream.Consumer) {
	e.t.Helper()
	config.AckPolicy = jetstream.AckExplicitPolicy
	e.request("the stream and its consumer are created", func(ctx context.Context) (err error) {
		if _, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: name, Replicas: config.Replicas}); err == nil {
			consumer, err = js.CreateOrUpdateConsumer(ctx, name, config)
		}
		return err
	})
	return consumer
}

func testScheduleBeginsAtItsEdge(t *testing.T) {
	e := newIdleEnv(t)
	e.ApplyDeployment("office", 1)
	start, end := "*/2 * * * *", "1-59/2 * * * *"
	if time.Now().UTC().Minute()%2 == 0 {
		start, end = end, start
	}
	e.Apply(fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: office}
spec:
  scaleTargetRef: {name: office}
  minReplicaCount: 1
  maxReplicaCount: 5
  triggers:
  - type: cron
    metadata: {timezone: Etc/UTC, start: '%s', end: '%s', desiredReplicas: 3}
`, start, end))
	e.run()
	e.condition("office", "Ready", "True", "Ready")
	e.AwaitReplicas("office", 3)
}

func testMaximumOfTwoTriggersWins(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("both", 1)
	e.Apply(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: both}
spec:
  scaleTargetRef: {name: both}
  minReplicaCount: 1
  maxReplicaCount: 10
  cooldownPeriod: 1
  triggers:
  - {type: alertmanager, name: small, metadata: {matchers: 'alertname="small"', replicas: 3}}
  - {type: alertmanager, name: large, metadata: {matchers: 'alertname="large"', replicas: 7}}
`)
	i := e.run()
	e.webhook(i, "small", "firing")
	e.AwaitReplicas("both", 3)
	e.webhook(i, "large", "firing")
	e.AwaitReplicas("both", 7)
	e.webhook(i, "large", "resolved")
	e.AwaitReplicas("both", 3)
}
