package push

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// natsSource is the source of a trigger endpoint that receives levels over NATS as well.
type natsSource struct {
	config   Config
	env      triggers.Env
	endpoint triggers.Source
	rotation time.Duration

	mu sync.Mutex
	// level is the last event of the endpoint. natsErr is why nothing can be received over NATS at the moment.
	level   scalers.Event
	natsErr error
	emit    func(scalers.Event)
}

func newNATSSource(c Config, env triggers.Env, endpoint triggers.Source) *natsSource {
	return &natsSource{
		config: c, env: env, endpoint: endpoint, rotation: natsconn.RotationInterval, natsErr: fmt.Errorf("subscribe at %s: not connected yet", c.NATSURL),
	}
}

// Run emits the level until ctx is done, and records the published messages.
func (s *natsSource) Run(ctx context.Context, emit func(scalers.Event)) error {
	s.emit = emit
	var subscribing sync.WaitGroup
	defer subscribing.Wait()
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	subscribing.Go(func() { s.subscribe(inner) })
	return s.endpoint.Run(ctx, func(e scalers.Event) { s.update(func() { s.level = e }) })
}

// subscribe consumes until ctx is done. Each attempt is one connection, with the current credentials.
func (s *natsSource) subscribe(ctx context.Context) {
	for attempt := 1; ; attempt++ {
		used, err := natsconn.Read(ctx, s.env.Secrets)
		connected := false
		if err == nil {
			connected, err = s.consume(ctx, used)
		}
		if ctx.Err() != nil {
			return
		}
		if connected {
			attempt = 1
		}
		if err == nil { // The credentials have changed.
			continue
		}
		s.update(func() { s.natsErr = fmt.Errorf("subscribe at %s: %w", s.config.NATSURL, err) })
		timer := time.NewTimer(natsconn.Backoff(attempt))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// update changes level or natsErr, and emits the result. With natsErr a newer level may have been published, so the last one is
// AtLeast: it may raise the count and does not lower it.
func (s *natsSource) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, beforeErr := s.level, s.natsErr
	change()
	if s.level.At == 0 || s.level.At == before.At && same(beforeErr, s.natsErr) {
		return // The endpoint has emitted no level yet, or nothing has changed.
	}
	e := s.level
	if s.natsErr != nil {
		e.At = max(e.At, scalers.InstantOf(s.env.Now()))
		e.Err, e.AtLeast = s.natsErr, e.Err == nil || e.AtLeast
	}
	s.emit(e)
}

// same reports whether two errors have the same text.
func same(a, b error) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Error() == b.Error()
}

// sharedClient is a client that several triggers share.
type sharedClient struct{ *natsconn.Client }

// Close ends the client.
func (s sharedClient) Close() error {
	s.Client.Close()
	return nil
}

// consume records the published messages, over one connection, until ctx is done, the credentials change or the connection fails. It
// reports whether it was connected. The error is nil if the credentials have changed.
func (s *natsSource) consume(ctx context.Context, used natsconn.Credentials) (bool, error) {
	options, err := used.Options(s.config.UnsafeSSL)
	if err != nil {
		return false, err
	}
	key := "push\x00" + s.config.NATSURL + "\x00" + strconv.FormatBool(s.config.UnsafeSSL) + "\x00" + used.Digest()
	client, release, err := triggers.Acquire(s.env.Pool, key, func() (sharedClient, error) {
		client, err := natsconn.Connect(ctx, s.env.Dial, s.config.NATSURL, options)
		return sharedClient{client}, err
	})
	if err != nil {
		return false, err
	}
	defer release()
	states := client.StatusChanged(natsgo.RECONNECTING, natsgo.CLOSED)
	defer client.RemoveStatusListener(states)
	if !client.IsConnected() {
		return false, client.Reason(errors.New("not connected"))
	}
	rotated, forget := natsconn.WatchRotation(ctx, s.env, used, s.rotation)
	defer forget()
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	var failure error
	received := make(chan struct{})
	go func() {
		defer close(received)
		failure = s.receive(inner, client.Conn)
	}()
	select {
	case <-received:
		return true, failure
	case <-ctx.Done():
	case <-rotated:
	case <-states:
		err = client.Reason(errors.New("the connection was lost"))
	}
	cancel()
	<-received // It ends with its context.
	return true, err
}
