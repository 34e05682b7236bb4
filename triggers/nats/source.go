package nats

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// heartbeat is how often a level that does not change is reported all the same: windows and cooldowns count from
	// the last report.
	heartbeat = time.Second
	// rotation is how often the credentials are compared with those in use.
	rotation = 5 * time.Second
)

// source follows one consumer over a connection that it shares.
type source struct {
	config    Config
	env       triggers.Env
	heartbeat time.Duration
	rotation  time.Duration
	last      reading
	reported  bool
}

func newSource(c Config, env triggers.Env) *source {
	s := &source{config: c, env: env, heartbeat: heartbeat, rotation: rotation}
	if env.PollingInterval > 0 {
		s.heartbeat = min(heartbeat, env.PollingInterval)
	}
	return s
}

// Run reports until ctx is done. Each round is one set of credentials.
func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	for attempt := 1; ; attempt++ {
		used, err := readCredentials(ctx, s.env.Secret)
		if err == nil {
			err = s.follow(ctx, used, emit)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil { // The credentials have changed.
			attempt = 0
			continue
		}
		err = fmt.Errorf("connect to %s: %w", s.config.NATSServerURL, err)
		s.report(reading{at: scalers.InstantOf(s.env.Now()), err: err}, emit)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(backoff(attempt)):
		}
	}
}

// follow reports with one set of credentials: until ctx is done, or nil when they have changed.
func (s *source) follow(ctx context.Context, used credentials, emit func(scalers.Event)) error {
	options, err := used.options(s.config.UnsafeSSL)
	if err != nil {
		return err
	}
	key := "nats-jetstream\x00" + s.config.NATSServerURL + "\x00" + strconv.FormatBool(s.config.UnsafeSSL) + "\x00" + used.digest()
	conn, release, err := triggers.Acquire(s.env.Shared, key, func() (*connection, error) {
		return newConnection(s.config.NATSServerURL, options, s.env.Now), nil
	})
	if err != nil {
		return err
	}
	defer release()
	readings, leave := conn.follow(ctx, name{s.config.Domain, s.config.Stream, s.config.Consumer})
	defer leave()
	rotated, forget := s.watch(ctx, used)
	defer forget()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-rotated:
			return nil
		case r := <-readings:
			s.report(r, emit)
		}
	}
}

// watch closes the channel when the credentials are others than those in use. It looks for itself: reading a secret may
// take long, and no message waits for it. The returned function ends it.
func (s *source) watch(ctx context.Context, used credentials) (<-chan struct{}, func()) {
	ctx, cancel := context.WithCancel(ctx)
	rotated := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		tick := time.NewTicker(s.rotation)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if now, err := readCredentials(ctx, s.env.Secret); err == nil && now != used {
				close(rotated)
				return
			}
		}
	})
	return rotated, func() {
		cancel()
		looking.Wait()
	}
}

// report emits a reading that says something new, or that comes a heartbeat after the last one.
func (s *source) report(r reading, emit func(scalers.Event)) {
	if s.reported && r.value == s.last.value && same(r.err, s.last.err) && r.at.Sub(s.last.at) < s.heartbeat {
		return
	}
	s.last, s.reported = r, true
	emit(scalers.Event{Trigger: s.env.Trigger, At: r.at, Value: r.value, Err: r.err})
}

// same says whether two errors read alike.
func same(a, b error) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Error() == b.Error()
}
