package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// name is a consumer of a stream, in a domain or that of the server.
type name struct{ domain, stream, consumer string }

// connection is what all triggers with the same server and credentials share: one client, and one queue for each
// consumer that is followed.
type connection struct {
	dial    natsconn.Dial
	urls    string
	options []natsgo.Option
	now     func() time.Time

	// turn is held by the queue that uses the fields below it: a semaphore that a context can leave.
	turn    chan struct{}
	client  *natsconn.Client
	failed  error
	failure int
	retry   time.Time

	mu     sync.Mutex
	queues map[name]*queue
}

// newConnection makes a connection that opens its client when it is first needed.
func newConnection(dial natsconn.Dial, urls string, options []natsgo.Option, now func() time.Time) *connection {
	return &connection{dial: dial, urls: urls, options: options, now: now, turn: make(chan struct{}, 1), queues: map[name]*queue{}}
}

// Close ends the client. Nobody follows a queue any more.
func (c *connection) Close() error {
	if c.client != nil {
		c.client.Close()
	}
	return nil
}

// open returns the client, connected at least once. A failed attempt stands for all queues until the next one is due.
func (c *connection) open(ctx context.Context) (*natsconn.Client, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.client != nil && !c.client.IsClosed() {
		return c.client, nil
	}
	if c.client != nil { // The server has refused it.
		c.client.Close()
		c.client = nil
	}
	if c.failed != nil && time.Now().Before(c.retry) {
		return nil, c.failed
	}
	client, err := natsconn.Connect(ctx, c.dial, c.urls, c.options)
	if err != nil {
		c.failure++
		c.failed, c.retry = fmt.Errorf("connect: %w", err), time.Now().Add(natsconn.Backoff(c.failure))
		return nil, c.failed
	}
	c.client, c.failed, c.failure = client, nil, 0
	return client, nil
}

// read returns the backlog of one consumer. It sends one request, CONSUMER.INFO, and no other.
func (c *connection) read(ctx context.Context, n name) (backlog, error) {
	client, err := c.open(ctx)
	if err != nil {
		return backlog{}, err
	}
	if !client.IsConnected() {
		return backlog{}, client.Why(errors.New("not connected"))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, natsconn.Patience, fmt.Errorf("no answer within %s", natsconn.Patience))
	defer cancel()
	info, err := natsconn.ConsumerInfo(ctx, client.Conn, n.domain, n.stream, n.consumer)
	if err != nil {
		return backlog{}, reason(ctx, client.Conn, n, err)
	}
	return backlogOf(info)
}

// reason says in one line why there is no level.
func reason(ctx context.Context, conn *natsgo.Conn, n name, err error) error {
	denied := conn.LastError()
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		return fmt.Errorf("consumer %s does not exist: %s", n.consumer, maybeExpired)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("stream %s does not exist", n.stream)
	case errors.Is(err, natsgo.ErrNoResponders):
		return errors.New("nobody answers: JetStream is off for this account, or the consumer has no leader")
	case ctx.Err() != nil && errors.Is(denied, natsgo.ErrPermissionViolation):
		return denied
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}
