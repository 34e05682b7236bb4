package nats

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// heartbeat is the interval at which an unchanged level is reported again: windows and cooldowns are measured from the last report.
const heartbeat = time.Second

// source reports the readings of one consumer over a shared connection.
type source struct {
	config    Config
	env       triggers.Env
	heartbeat time.Duration
	rotation  time.Duration
	last      reading
	reported  bool
}

func newSource(c Config, env triggers.Env) *source {
	s := &source{config: c, env: env, heartbeat: heartbeat, rotation: natsconn.RotationInterval}
	if env.PollingInterval > 0 {
		s.heartbeat = min(heartbeat, env.PollingInterval)
	}
	return s
}

// Run reports until ctx is done. Each iteration uses one set of credentials.
func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	for attempt := 1; ; attempt++ {
		used, err := natsconn.Read(ctx, s.env.Secrets)
		if err == nil {
			err = s.runWith(ctx, used, emit)
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
		case <-time.After(natsconn.Backoff(attempt)):
		}
	}
}

// runWith reports with one set of credentials. It returns nil when they have changed.
func (s *source) runWith(ctx context.Context, used natsconn.Credentials, emit func(scalers.Event)) error {
	options, err := used.Options(s.config.UnsafeSSL)
	if err != nil {
		return err
	}
	key := "nats-jetstream\x00" + s.config.NATSServerURL + "\x00" + strconv.FormatBool(s.config.UnsafeSSL) + "\x00" + used.Digest()
	conn, release, err := triggers.Acquire(s.env.Pool, key, func() (*connection, error) {
		return newConnection(s.env.Dial, s.config.NATSServerURL, options, s.env.Now), nil
	})
	if err != nil {
		return err
	}
	defer release()
	readings, leave := conn.subscribe(ctx, name{s.config.Domain, s.config.Stream, s.config.Consumer})
	defer leave()
	rotated, forget := natsconn.WatchRotation(ctx, s.env, used, s.rotation)
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

// report emits a reading that differs from the last one, or that comes a heartbeat after it.
func (s *source) report(r reading, emit func(scalers.Event)) {
	if s.reported && r.backlog == s.last.backlog && sameError(r.err, s.last.err) && r.at.Sub(s.last.at) < s.heartbeat {
		return
	}
	s.last, s.reported = r, true
	e := r.event()
	e.Trigger, e.At, e.Err = s.env.Trigger, r.at, r.err
	emit(e)
}

// sameError reports whether two errors have the same text.
func sameError(a, b error) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Error() == b.Error()
}
