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

// name identifies a consumer of a stream. If domain is "", it is in the server's domain.
type name struct{ domain, stream, consumer string }

// connection is shared by all triggers with the same server and credentials. It has one client, and one poll for each consumer that a
// trigger subscribes to.
type connection struct {
	dial    natsconn.Dial
	urls    string
	options []natsgo.Option
	now     func() time.Time

	// lock guards the fields below. It is a channel, so that waiting for it can be canceled.
	lock    chan struct{}
	client  *natsconn.Client
	failed  error
	failure int
	retry   time.Time

	mu    sync.Mutex
	polls map[name]*poll
}

// newConnection returns a connection that opens its client when it is first used.
func newConnection(dial natsconn.Dial, urls string, options []natsgo.Option, now func() time.Time) *connection {
	return &connection{dial: dial, urls: urls, options: options, now: now, lock: make(chan struct{}, 1), polls: map[name]*poll{}}
}

// Close closes the client. The caller has unsubscribed from all consumers.
func (c *connection) Close() error {
	if c.client != nil {
		c.client.Close()
	}
	return nil
}

// open returns the client, which has connected at least once. After a failed attempt it returns the same error to all polls until the
// next attempt is due.
func (c *connection) open(ctx context.Context) (*natsconn.Client, error) {
	select {
	case c.lock <- struct{}{}:
		defer func() { <-c.lock }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.client != nil && !c.client.IsClosed() {
		return c.client, nil
	}
	if c.client != nil { // It is closed, because the server refused it.
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

// read returns the backlog of one consumer. It sends one CONSUMER.INFO request and no other.
func (c *connection) read(ctx context.Context, n name) (backlog, error) {
	client, err := c.open(ctx)
	if err != nil {
		return backlog{}, err
	}
	if !client.IsConnected() {
		return backlog{}, client.Reason(errors.New("not connected"))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, natsconn.Timeout, fmt.Errorf("no answer within %s", natsconn.Timeout))
	defer cancel()
	info, err := natsconn.ConsumerInfo(ctx, client.Conn, n.domain, n.stream, n.consumer)
	if err != nil {
		return backlog{}, reason(ctx, client.Conn, n, err)
	}
	return backlogOf(info)
}

// reason returns an error in one line with the reason why the level is unknown.
func reason(ctx context.Context, conn *natsgo.Conn, n name, err error) error {
	denied := conn.LastError()
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		return fmt.Errorf("consumer %s does not exist: %s", n.consumer, maybeExpired)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("stream %s does not exist", n.stream)
	case errors.Is(err, natsgo.ErrNoResponders):
		return errors.New("no server answers: JetStream is off for this account, or the consumer has no leader")
	case ctx.Err() != nil && errors.Is(denied, natsgo.ErrPermissionViolation):
		return denied
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}
