package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// maxPending limits the messages that wait to be recorded.
const maxPending = 256

// arrival is a published message.
type arrival struct {
	message triggers.Message
	// id identifies the message in its stream, and pending is the number of messages after it; JetStream only.
	id      string
	pending uint64
	// ack acknowledges the message, and terminate tells the server not to deliver it again; nil with core NATS.
	ack, terminate func() error
}

// receive records the published messages until ctx is done or it fails.
func (s *natsSource) receive(ctx context.Context, conn *natsgo.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	arrivals := make(chan arrival, maxPending)
	var recording sync.WaitGroup
	defer recording.Wait()
	defer cancel()
	recording.Go(func() { s.recordUntil(ctx, arrivals) })
	if s.config.Subject != "" {
		return s.receiveCore(ctx, conn, arrivals)
	}
	return s.receiveStream(ctx, conn, arrivals)
}

// receiveCore receives from a subject of core NATS. When more messages arrive than are recorded, it drops the oldest.
func (s *natsSource) receiveCore(ctx context.Context, conn *natsgo.Conn, arrivals chan arrival) error {
	messages := make(chan *natsgo.Msg, maxPending)
	sub, err := conn.ChanSubscribe(s.config.Subject, messages)
	if err != nil {
		return fmt.Errorf("subject %s: %w", s.config.Subject, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // It fails when the connection is gone, and with it the subscription.
	flush, cancel := context.WithTimeout(ctx, natsconn.Timeout)
	defer cancel()
	if err := conn.FlushWithContext(flush); err != nil {
		return fmt.Errorf("subject %s: %w", s.config.Subject, err)
	}
	s.update(func() { s.natsErr = nil })
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m := <-messages:
			enqueueNewest(arrivals, arrival{message: s.message(m.Header, m.Data, s.env.Now())})
		}
	}
}

// enqueueNewest enqueues an arrival, and drops the oldest one if the queue is full.
func enqueueNewest(arrivals chan arrival, a arrival) {
	for {
		select {
		case arrivals <- a:
			return
		default:
		}
		select {
		case <-arrivals:
		default:
		}
	}
}

// message returns a published message as an endpoint receives it.
func (s *natsSource) message(header natsgo.Header, data []byte, at time.Time) triggers.Message {
	m := triggers.Message{Header: http.Header{}, Raw: data, At: at}
	for name, values := range header {
		for _, value := range values {
			m.Header.Add(name, value)
		}
	}
	return m
}

// receiveStream receives from a durable consumer of a stream, beginning with the messages that were published while no
// connection existed.
func (s *natsSource) receiveStream(ctx context.Context, conn *natsgo.Conn, arrivals chan<- arrival) error {
	consumer, err := s.consumer(ctx, conn)
	if err != nil {
		return err
	}
	waits, err := s.pending(ctx, conn)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(maxPending))
	if err != nil {
		return fmt.Errorf("consumer %s: %w", s.config.Consumer, err)
	}
	defer messages.Stop()
	if waits == 0 {
		s.update(func() { s.natsErr = nil })
	}
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, jetstream.ErrNoHeartbeat):
			continue // The loss of the connection is handled in consume.
		case err != nil:
			return fmt.Errorf("consumer %s: %w", s.config.Consumer, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("consumer %s: %w", s.config.Consumer, err)
		}
		a := arrival{
			message: s.message(m.Headers(), m.Data(), meta.Timestamp), id: meta.Stream + "\x00" + strconv.FormatUint(meta.Sequence.Stream, 10),
			pending: meta.NumPending, ack: m.Ack, terminate: m.Term,
		}
		select {
		case arrivals <- a:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pending returns the number of messages that the consumer has not delivered, or that are not acknowledged.
func (s *natsSource) pending(ctx context.Context, conn *natsgo.Conn) (uint64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, natsconn.Timeout, fmt.Errorf("no answer within %s", natsconn.Timeout))
	defer cancel()
	info, err := natsconn.ConsumerInfo(ctx, conn, s.config.Domain, s.config.Stream, s.config.Consumer)
	if err != nil {
		return 0, fmt.Errorf("consumer %s of stream %s: %w", s.config.Consumer, s.config.Stream, err)
	}
	if *info.NumAckPending < 0 {
		return 0, fmt.Errorf("consumer %s of stream %s: the server reports a negative number of messages", s.config.Consumer, s.config.Stream)
	}
	return max(*info.NumPending, uint64(*info.NumAckPending)), nil
}

// consumer returns the consumer, or an error for one that could lose levels.
func (s *natsSource) consumer(ctx context.Context, conn *natsgo.Conn) (jetstream.Consumer, error) {
	js, err := jetstream.New(conn)
	if s.config.Domain != "" {
		js, err = jetstream.NewWithDomain(conn, s.config.Domain)
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, natsconn.Timeout, fmt.Errorf("no answer within %s", natsconn.Timeout))
	defer cancel()
	consumer, err := js.Consumer(ctx, s.config.Stream, s.config.Consumer)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		return nil, fmt.Errorf("consumer %s of stream %s does not exist", s.config.Consumer, s.config.Stream)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("stream %s does not exist", s.config.Stream)
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("consumer %s of stream %s: %w", s.config.Consumer, s.config.Stream, err)
	}
	if c := consumer.CachedInfo().Config; c.Durable == "" || c.AckPolicy != jetstream.AckExplicitPolicy {
		return nil, fmt.Errorf("consumer %s of stream %s must be durable and have the ack policy explicit", s.config.Consumer, s.config.Stream)
	}
	return consumer, nil
}
