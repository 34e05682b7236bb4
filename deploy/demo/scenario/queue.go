package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const stream = "DEMO"

// queue is the demo's JetStream stream, with its producer and its consumer.
type queue struct {
	conn *nats.Conn
	js   jetstream.JetStream
	cons jetstream.Consumer
}

// openQueue creates the stream and its durable consumer.
func openQueue(ctx context.Context, url string) (*queue, error) {
	conn, err := nats.Connect(url, nats.Name("impulse-demo"))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", url, err)
	}
	q := &queue{conn: conn}
	if q.js, err = jetstream.New(conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("use JetStream at %s: %w", url, err)
	}
	s, err := q.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: stream, Subjects: []string{"demo.>"}})
	if err == nil {
		q.cons, err = s.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: "workers", AckPolicy: jetstream.AckExplicitPolicy})
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("create stream %s and its consumer: %w", stream, err)
	}
	return q, nil
}

// produce publishes n messages.
func (q *queue) produce(ctx context.Context, n int) error {
	for i := range n {
		if _, err := q.js.Publish(ctx, "demo.work", fmt.Appendf(nil, "message %d", i)); err != nil {
			return fmt.Errorf("publish message %d: %w", i, err)
		}
	}
	return nil
}

// consume fetches up to n messages and acknowledges them.
func (q *queue) consume(ctx context.Context, n int) error {
	batch, err := q.cons.Fetch(n, jetstream.FetchMaxWait(time.Second))
	if err != nil {
		return fmt.Errorf("fetch from %s: %w", stream, err)
	}
	for m := range batch.Messages() {
		if err := m.DoubleAck(ctx); err != nil {
			return fmt.Errorf("acknowledge a message of %s: %w", stream, err)
		}
	}
	return batch.Error()
}

func (q *queue) close() { q.conn.Close() }
