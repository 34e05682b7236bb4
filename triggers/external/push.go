package external

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// readTimeout is the maximum duration of a reading.
	readTimeout = 10 * time.Second
	// minGap is the minimum time between the starts of two readings, for a server that streams more often.
	minGap = 100 * time.Millisecond
	// jitterFraction: each wait for the next reading is up to 1/jitterFraction shorter.
	jitterFraction = 10
	// defaultInterval is the interval for an Env without PollingInterval.
	defaultInterval = 30 * time.Second
)

// pushSource is the source of an external-push trigger.
type pushSource struct {
	reader   *reader
	env      triggers.Env
	interval time.Duration
	signals  *signals

	// failures counts the readings that have failed since the last one that succeeded, and failedAt is when the last failure was
	// reported.
	failures int
	failedAt time.Time
}

// openPush builds the source of an external-push trigger. It does no I/O.
func openPush(c Config, env triggers.Env) (triggers.Source, error) {
	s := &pushSource{reader: newReader(c, env), env: env, interval: env.PollingInterval, signals: newSignals()}
	if s.interval <= 0 {
		s.interval = defaultInterval
	}
	if s.env.Now == nil {
		s.env.Now = time.Now
	}
	return s, nil
}

// Run reads at the start, at each signal, after each change of a secret and at each interval.
func (s *pushSource) Run(ctx context.Context, emit func(scalers.Event)) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	defer s.reader.link.close()
	secretsChanged, forget := s.env.SecretsChanges()
	defer forget()
	streams, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	for first := true; ; first = false {
		began := time.Now()
		s.report(ctx, emit)
		if first { // The reading has opened the connection.
			following.Go(func() { s.follow(streams, s.streamActivity) })
			following.Go(func() { s.follow(streams, s.streamTargets) })
		}
		select { // A burst of signals leads to one reading.
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(began.Add(minGap))):
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.signals.changed:
		case <-secretsChanged:
		case <-time.After(s.untilNext(began)):
		}
	}
}

// untilNext returns the time until the next reading without a signal. Failed readings are repeated sooner.
func (s *pushSource) untilNext(began time.Time) time.Duration {
	wait := s.interval - rand.N(s.interval/jitterFraction+1)
	if s.failures > 0 {
		wait = min(wait, retryDelay(s.failures))
	}
	return time.Until(began.Add(wait))
}

// report reads and emits the result. Of several failures in a row it emits the first one, and then one per interval, because the
// fallback counts them.
func (s *pushSource) report(ctx context.Context, emit func(scalers.Event)) {
	limited, cancel := context.WithTimeoutCause(ctx, readTimeout, fmt.Errorf("no answer within %s", readTimeout))
	defer cancel()
	streamed := s.signals.drain()
	at := scalers.InstantOf(s.env.Now())
	m, err := s.reader.read(limited)
	if ctx.Err() != nil {
		return
	}
	e := scalers.Event{Err: err}
	if err != nil {
		s.failures++
		s.signals.restore(streamed)
		if s.failures > 1 && time.Since(s.failedAt) < s.interval {
			return
		}
		s.failedAt = time.Now()
	} else {
		s.failures = 0
		m.Active = m.Active || streamed
		e = m.Event(s.env.Input)
		e.Notice = s.signals.notice()
	}
	e.Trigger, e.At = s.env.Trigger, at
	emit(e)
}
