package push

import (
	"context"
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// record records what arrives until ctx is done: of what waits only the newest level, since it is the whole truth. A message
// is settled when the level that it stated, or a newer one, is durable.
func (s *subscribed) record(ctx context.Context, arrivals <-chan arrival) {
	var waiting []arrival
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-arrivals:
			waiting = append(waiting[:0], a)
		}
		for attempt := 1; ; attempt++ {
			waiting = drain(waiting, arrivals)
			if s.keep(ctx, waiting) {
				break
			}
			timer := time.NewTimer(natsconn.Backoff(attempt))
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
		}
	}
}

// drain adds what has arrived meanwhile, within bounds.
func drain(waiting []arrival, arrivals <-chan arrival) []arrival {
	for len(waiting) < maxWaiting {
		select {
		case a := <-arrivals:
			waiting = append(waiting, a)
		default:
			return waiting
		}
	}
	return waiting
}

// keep records the newest level of what has arrived, settles all of it, and reports whether that went well.
func (s *subscribed) keep(ctx context.Context, waiting []arrival) bool {
	door := triggers.Endpoint{Namespace: s.env.Namespace, Object: s.env.Object, Trigger: s.env.Trigger}
	var newest []triggers.Level
	bad := make([]error, len(waiting))
	for i := range waiting {
		l, err := s.level(ctx, &waiting[i])
		if err != nil {
			bad[i] = err
			continue
		}
		if newest == nil || !l.At.Before(newest[0].At) {
			newest = []triggers.Level{l}
		}
	}
	if newest != nil {
		if !s.env.Endpoints.Record(ctx, door, s.env.Now(), newest) {
			return false
		}
	}
	for i, a := range waiting {
		if bad[i] != nil {
			s.env.Endpoints.Reject(door, bad[i])
		}
		finish(a, bad[i] != nil)
	}
	if waiting[len(waiting)-1].behind == 0 {
		s.say(func() { s.deaf = nil })
	}
	return true
}

// finish tells the server that a message is done with. When it cannot be told it delivers the message again: a repeat.
func finish(a arrival, refused bool) {
	switch {
	case a.settle == nil:
	case refused:
		_ = a.refuse()
	default:
		_ = a.settle()
	}
}

// level is what a message states, as of when it was published. What its ttl has ended meanwhile is over at once.
func (s *subscribed) level(ctx context.Context, a *arrival) (triggers.Level, error) {
	var err error
	m := a.message
	if m.Body, err = triggers.DecodeJSON(m.Raw); err != nil {
		return triggers.Level{}, fmt.Errorf("it cannot be decoded as JSON: %w", err)
	}
	levels, err := s.config.take(ctx, m)
	if err != nil {
		return triggers.Level{}, err
	}
	l := levels[0]
	if l.At.IsZero() {
		l.At = m.At
	}
	if a.id != "" {
		l.ID = a.id
	}
	if l.TTL > 0 {
		l.TTL = max(l.TTL-max(s.env.Now().Sub(l.At), 0), time.Millisecond)
	}
	return l, nil
}
