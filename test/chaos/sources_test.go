package chaos

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// hostOf returns the host and port of a URL.
func hostOf(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// queues are the streams of all objects.
type queues struct {
	ledger    *ledger
	js        jetstream.JetStream
	mu        sync.Mutex
	consumers map[string]jetstream.Consumer
	// sent are messages that were stored for sure, taken those that may have been acknowledged.
	sent, taken map[string]int
}

// add creates an object's stream and its consumer.
func (q *queues) add(ctx context.Context, object string) error {
	s, err := q.js.CreateStream(ctx, jetstream.StreamConfig{Name: stream(object), Subjects: []string{object}})
	if err != nil {
		return fmt.Errorf("make the stream of %s: %w", object, err)
	}
	consumer, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "workers", AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Hour, MaxAckPending: 1000})
	if err != nil {
		return fmt.Errorf("make the consumer of %s: %w", object, err)
	}
	q.consumers[object] = consumer
	q.ledger.recordValue(object, 0)
	return nil
}

// publish adds messages. Those that nats-server does not accept do not count.
func (q *queues) publish(ctx context.Context, object string, n int) {
	for range n {
		if _, err := q.js.Publish(ctx, object, nil); err != nil {
			break
		}
		q.count(object, 1, 0)
	}
	q.ledger.log("%s: at least %d in the queue", object, q.least(object))
}

// drain takes messages and acknowledges them.
func (q *queues) drain(ctx context.Context, object string, n int) {
	batch, err := q.consumers[object].Fetch(n, jetstream.FetchMaxWait(300*time.Millisecond))
	if err != nil {
		return
	}
	for m := range batch.Messages() {
		q.count(object, 0, 1)
		if m.DoubleAck(ctx) != nil {
			break
		}
	}
	q.ledger.log("%s: at least %d in the queue", object, q.least(object))
}

func (q *queues) count(object string, sent, taken int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent[object] += sent
	q.taken[object] += taken
	q.ledger.recordValue(object, max(0, q.sent[object]-q.taken[object]))
}

func (q *queues) least(object string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return max(0, q.sent[object]-q.taken[object])
}

// level returns the length of an object's queue, as nats-server reports it.
func (q *queues) level(ctx context.Context, object string) (int, error) {
	info, err := q.consumers[object].Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("get the consumer of %s: %w", object, err)
	}
	return int(info.NumPending) + info.NumAckPending, nil
}

// metrics are what Prometheus scrapes.
type metrics struct {
	*httptest.Server

	ledger *ledger
	mu     sync.Mutex
	values map[string]int
}

func newMetrics(t *testing.T, l *ledger) *metrics {
	t.Helper()
	m := &metrics{ledger: l, values: map[string]int{}}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for object, n := range m.values {
			fmt.Fprintf(w, "chaos{object=%q} %d\n", object, n)
		}
	}))
	t.Cleanup(func() {
		m.CloseClientConnections()
		m.Close()
	})
	return m
}

func (m *metrics) set(object string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[object] = n
	m.ledger.recordValue(object, n)
}

func (m *metrics) get(object string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[object]
}
