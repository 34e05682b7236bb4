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

// subscribed is a door that hears what is published over NATS as well.
type subscribed struct {
	config   Config
	env      triggers.Env
	door     triggers.Source
	rotation time.Duration

	mu sync.Mutex
	// heard is what the door said last, and deaf why nothing comes over NATS at the moment.
	heard scalers.Event
	deaf  error
	emit  func(scalers.Event)
}

func newSubscribed(c Config, env triggers.Env, door triggers.Source) *subscribed {
	return &subscribed{
		config: c, env: env, door: door, rotation: natsconn.Rotation, deaf: fmt.Errorf("subscribe at %s: not connected yet", c.NATSURL),
	}
}

// Run reports what the door says until ctx is done, and records what is published.
func (s *subscribed) Run(ctx context.Context, emit func(scalers.Event)) error {
	s.emit = emit
	var subscribing sync.WaitGroup
	defer subscribing.Wait()
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	subscribing.Go(func() { s.subscribe(inner) })
	return s.door.Run(ctx, func(e scalers.Event) { s.say(func() { s.heard = e }) })
}

// subscribe hears what is published, with the credentials as they are, until ctx is done. Each round is one connection.
func (s *subscribed) subscribe(ctx context.Context) {
	for attempt := 1; ; attempt++ {
		used, err := natsconn.Read(ctx, s.env.Secret)
		connected := false
		if err == nil {
			connected, err = s.hear(ctx, used)
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
		s.say(func() { s.deaf = fmt.Errorf("subscribe at %s: %w", s.config.NATSURL, err) })
		timer := time.NewTimer(natsconn.Backoff(attempt))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// say changes what is known, and reports it. While nothing comes over NATS a newer level may have been published: the last
// one may raise, and lowers nothing.
func (s *subscribed) say(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, deaf := s.heard, s.deaf
	change()
	if s.heard.At == 0 || s.heard.At == before.At && same(deaf, s.deaf) {
		return // The door has not spoken yet, or nothing is new.
	}
	e := s.heard
	if s.deaf != nil {
		e.At = max(e.At, scalers.InstantOf(s.env.Now()))
		e.Err, e.AtLeast = s.deaf, e.Err == nil || e.AtLeast
	}
	s.emit(e)
}

// same reports whether two errors read alike.
func same(a, b error) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Error() == b.Error()
}

// shared is a client that several triggers use.
type shared struct{ *natsconn.Client }

// Close ends the client.
func (s shared) Close() error {
	s.Client.Close()
	return nil
}

// hear records what is published, over one connection, until ctx is done, the credentials have changed (then it returns nil)
// or it fails. It reports whether it was connected.
func (s *subscribed) hear(ctx context.Context, used natsconn.Credentials) (bool, error) {
	options, err := used.Options(s.config.UnsafeSSL)
	if err != nil {
		return false, err
	}
	key := "push\x00" + s.config.NATSURL + "\x00" + strconv.FormatBool(s.config.UnsafeSSL) + "\x00" + used.Digest()
	client, release, err := triggers.Acquire(s.env.Pool, key, func() (shared, error) {
		client, err := natsconn.Connect(ctx, s.env.Dial, s.config.NATSURL, options)
		return shared{client}, err
	})
	if err != nil {
		return false, err
	}
	defer release()
	states := client.StatusChanged(natsgo.RECONNECTING, natsgo.CLOSED)
	defer client.RemoveStatusListener(states)
	if !client.IsConnected() {
		return false, client.Why(errors.New("not connected"))
	}
	rotated, forget := natsconn.Rotated(ctx, s.env.Secret, used, s.rotation)
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
		err = client.Why(errors.New("the connection was lost"))
	}
	cancel()
	<-received // It ends with its context.
	return true, err
}
