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
)

// prometheus starts a real Prometheus on an address of the caller's choice, scraping a target.
func (w *world) prometheus(address, target string) {
	w.t.Helper()
	config := filepath.Join(w.t.TempDir(), "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs: [{job_name: mock, static_configs: [{targets: ['%s']}]}]\n", target)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	p := w.spawn("prometheus", filepath.Join(suite.bin, "prometheus"), "--config.file", config,
		"--storage.tsdb.path", w.t.TempDir(), "--web.listen-address", address)
	w.until("prometheus is ready", func(ctx context.Context) (bool, error) {
		return get(ctx, "http://"+address+"/-/ready") == http.StatusOK, p.Err()
	}, func() string { return logOf(p) })
}

func TestARealPrometheusQueryIsFollowedAndItsAbsenceHolds(t *testing.T) {
	w := newWorld(t)
	mock, prometheus := freeAddress(t), freeAddress(t)
	w.spawn("mockmetrics", suite.mockmetrics, "--listen", mock)
	w.deployment("web", 3)
	w.apply(fmt.Sprintf(`
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
	keeps := w.never("web", 3)
	w.run()
	w.condition("web", "Ready", "False", "TriggerFailed") // The source is down at the start: hold, and say so.
	keeps()
	w.prometheus(prometheus, mock)
	w.replicas("web", 1)
	w.condition("web", "Ready", "True", "Ready")
	if code := get(t.Context(), "http://"+mock+"/scale/up"); code != http.StatusOK {
		t.Fatalf("mockmetrics answered %d", code)
	}
	w.replicas("web", 10)
}

func TestJetStreamMessagesWakeAWorkloadAndItRestsWhenTheyAreDrained(t *testing.T) {
	w := newWorld(t)
	address, js := w.nats()
	consumer := w.queue(js, "WORK", jetstream.ConsumerConfig{Durable: "workers"})
	w.deployment("worker", 0)
	w.apply(onQueue(address))
	w.run()
	w.condition("worker", "Ready", "True", "Ready")
	for range 35 {
		if _, err := js.Publish(t.Context(), "WORK", nil); err != nil {
			t.Fatal(err)
		}
	}
	w.replicas("worker", 4)
	batch, err := consumer.Fetch(35)
	if err != nil {
		t.Fatal(err)
	}
	for m := range batch.Messages() {
		if err := m.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.replicas("worker", 0)
}

// The object may rest at 0. What waits for a paused consumer wakes nobody; a consumer that the server deletes for want of
// workers is said while it is there, and when it is gone.
func TestAConsumerThatIsPausedOrWillBeDeletedIsInTheStatus(t *testing.T) {
	w := newWorld(t)
	address, js := w.nats()
	w.queue(js, "WORK", jetstream.ConsumerConfig{Durable: "workers", InactiveThreshold: time.Hour})
	if _, err := js.PauseConsumer(t.Context(), "WORK", "workers", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "WORK", nil); err != nil {
		t.Fatal(err)
	}
	w.deployment("worker", 0)
	w.apply(onQueue(address))
	keeps := w.never("worker", 0)
	w.run()
	w.condition("worker", "SourceNotice", "True", "ConsumerPaused")
	w.condition("worker", "Ready", "True", "Ready")
	keeps()
	if _, err := js.ResumeConsumer(t.Context(), "WORK", "workers"); err != nil {
		t.Fatal(err)
	}
	w.replicas("worker", 1)
	w.condition("worker", "SourceNotice", "True", "ConsumerExpires")
	keeps = w.never("worker", 1)
	_, err := js.UpdateConsumer(t.Context(), "WORK", jetstream.ConsumerConfig{
		Durable: "workers", AckPolicy: jetstream.AckExplicitPolicy, InactiveThreshold: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.condition("worker", "Ready", "False", "TriggerFailed") // Nobody has asked: the Pods of this cluster do nothing.
	keeps()
}

// onQueue scales worker, which may rest at 0, on the consumer workers of the stream WORK.
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

// queue makes a stream, of a subject of the same name, and its consumer.
func (w *world) queue(js jetstream.JetStream, name string, config jetstream.ConsumerConfig) jetstream.Consumer {
	w.t.Helper()
	stream, err := js.CreateStream(w.t.Context(), jetstream.StreamConfig{Name: name})
	if err != nil {
		w.t.Fatal(err)
	}
	config.AckPolicy = jetstream.AckExplicitPolicy
	consumer, err := stream.CreateConsumer(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	return consumer
}

func TestAScheduleBeginsAtItsEdge(t *testing.T) {
	w := newIdleWorld(t)
	w.deployment("office", 1)
	start, end := "*/2 * * * *", "1-59/2 * * * *"
	if time.Now().UTC().Minute()%2 == 0 {
		start, end = end, start
	}
	w.apply(fmt.Sprintf(`
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
	w.run()
	w.condition("office", "Ready", "True", "Ready")
	w.replicas("office", 3)
}

func TestTheMaximumOfTwoTriggersWins(t *testing.T) {
	w := newWorld(t)
	w.deployment("both", 1)
	w.apply(`
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
	i := w.run()
	w.webhook(i, "small", "firing")
	w.replicas("both", 3)
	w.webhook(i, "large", "firing")
	w.replicas("both", 7)
	w.webhook(i, "large", "resolved")
	w.replicas("both", 3)
}
