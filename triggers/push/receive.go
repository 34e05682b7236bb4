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

// maxWaiting bounds the messages that wait to be recorded.
const maxWaiting = 256

// arrival is a published message, as it arrived.
type arrival struct {
	message triggers.Message
	// id names it within its stream, and behind is how many come after it; JetStream only.
	id     string
	behind uint64
	// settle tells the server that it is done with, and refuse that it never will be; nil: nobody wants to know.
	settle, refuse func() error
}

// receive records what is published until ctx is done or it fails.
func (s *subscribed) receive(ctx context.Context, conn *natsgo.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	arrivals := make(chan arrival, maxWaiting)
	var recording sync.WaitGroup
	defer recording.Wait()
	defer cancel()
	recording.Go(func() { s.record(ctx, arrivals) })
	if s.config.Subject != "" {
		return s.receiveCore(ctx, conn, arrivals)
	}
	return s.receiveStream(ctx, conn, arrivals)
}

// receiveCore hears a subject of core NATS. Of more messages than can be recorded the newest are kept.
func (s *subscribed) receiveCore(ctx context.Context, conn *natsgo.Conn, arrivals chan arrival) error {
	messages := make(chan *natsgo.Msg, maxWaiting)
	sub, err := conn.ChanSubscribe(s.config.Subject, messages)
	if err != nil {
		return fmt.Errorf("subject %s: %w", s.config.Subject, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // It fails when the connection is gone, and with it the subscription.
	flush, cancel := context.WithTimeout(ctx, natsconn.Patience)
	defer cancel()
	if err := conn.FlushWithContext(flush); err != nil {
		return fmt.Errorf("subject %s: %w", s.config.Subject, err)
	}
	s.say(func() { s.deaf = nil })
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m := <-messages:
			newest(arrivals, arrival{message: s.message(m.Header, m.Data, s.env.Now())})
		}
	}
}

// newest adds an arrival, in place of the oldest one when there are too many.
func newest(arrivals chan arrival, a arrival) {
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

// message is what was published, as a door sees it.
func (s *subscribed) message(header natsgo.Header, data []byte, at time.Time) triggers.Message {
	m := triggers.Message{Header: http.Header{}, Raw: data, At: at}
	for name, values := range header {
		for _, value := range values {
			m.Header.Add(name, value)
		}
	}
	return m
}

// receiveStream hears a durable consumer of a stream: what was published while nobody listened comes first.
func (s *subscribed) receiveStream(ctx context.Context, conn *natsgo.Conn, arrivals chan<- arrival) error {
	consumer, err := s.consumer(ctx, conn)
	if err != nil {
		return err
	}
	waits, err := s.waiting(ctx, conn)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(maxWaiting))
	if err != nil {
		return fmt.Errorf("consumer %s: %w", s.config.Consumer, err)
	}
	defer messages.Stop()
	if waits == 0 {
		s.say(func() { s.deaf = nil })
	}
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, jetstream.ErrNoHeartbeat):
			continue // The connection says itself when it is lost.
		case err != nil:
			return fmt.Errorf("consumer %s: %w", s.config.Consumer, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("consumer %s: %w", s.config.Consumer, err)
		}
		a := arrival{
			message: s.message(m.Headers(), m.Data(), meta.Timestamp), id: meta.Stream + "\x00" + strconv.FormatUint(meta.Sequence.Stream, 10),
			behind: meta.NumPending, settle: m.Ack, refuse: m.Term,
		}
		select {
		case arrivals <- a:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// waiting is how many messages the consumer has not been given yet, or has not acknowledged.
func (s *subscribed) waiting(ctx context.Context, conn *natsgo.Conn) (uint64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, natsconn.Patience, fmt.Errorf("no answer within %s", natsconn.Patience))
	defer cancel()
	info, err := natsconn.ConsumerInfo(ctx, conn, s.config.Domain, s.config.Stream, s.config.Consumer)
	if err != nil {
		return 0, fmt.Errorf("consumer %s of stream %s: %w", s.config.Consumer, s.config.Stream, err)
	}
	if *info.NumAckPending < 0 {
		return 0, fmt.Errorf("consumer %s of stream %s: the server counts fewer than no messages", s.config.Consumer, s.config.Stream)
	}
	return max(*info.NumPending, uint64(*info.NumAckPending)), nil
}

// consumer finds the consumer, and refuses one with which levels could be lost.
func (s *subscribed) consumer(ctx context.Context, conn *natsgo.Conn) (jetstream.Consumer, error) {
	js, err := jetstream.New(conn)
	if s.config.Domain != "" {
		js, err = jetstream.NewWithDomain(conn, s.config.Domain)
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, natsconn.Patience, fmt.Errorf("no answer within %s", natsconn.Patience))
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
