package push

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// recordUntil records the arrivals until ctx is done. Of several it records only the newest level, which replaces the others. A message is
// acknowledged when its level or a newer one is durable.
func (s *natsSource) recordUntil(ctx context.Context, arrivals <-chan arrival) {
	var waiting []arrival
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-arrivals:
			waiting = append(waiting[:0], a)
		}
		for attempt := 1; ; attempt++ {
			waiting = drainInto(waiting, arrivals)
			if s.recordNewest(ctx, waiting) {
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

// drainInto appends the arrivals in the queue, up to maxPending.
func drainInto(waiting []arrival, arrivals <-chan arrival) []arrival {
	for len(waiting) < maxPending {
		select {
		case a := <-arrivals:
			waiting = append(waiting, a)
		default:
			return waiting
		}
	}
	return waiting
}

// recordNewest records the newest level of the arrivals and acknowledges all of them. It reports false if the record failed.
func (s *natsSource) recordNewest(ctx context.Context, waiting []arrival) bool {
	endpoint := triggers.Endpoint{Namespace: s.env.Namespace, Object: s.env.Object, Trigger: s.env.Trigger}
	var newest []triggers.Level
	var header http.Header // That of the message with the newest level.
	bad := make([]error, len(waiting))
	for i := range waiting {
		l, err := s.decode(ctx, &waiting[i])
		if err != nil {
			bad[i] = err
			continue
		}
		if newest == nil || !l.At.Before(newest[0].At) {
			newest, header = []triggers.Level{l}, waiting[i].message.Header
		}
	}
	if newest != nil {
		if !s.env.Endpoints.Record(ctx, endpoint, triggers.Message{Header: header, At: s.env.Now()}, newest) {
			return false
		}
	}
	for i, a := range waiting {
		if bad[i] != nil {
			s.env.Endpoints.Reject(endpoint, bad[i])
		}
		acknowledge(a, bad[i] != nil)
	}
	if waiting[len(waiting)-1].pending == 0 {
		s.update(func() { s.natsErr = nil })
	}
	return true
}

// acknowledge acknowledges an arrival, or terminates a rejected one. If that fails, the server delivers the message again, as a repeat.
func acknowledge(a arrival, rejected bool) {
	switch {
	case a.ack == nil:
	case rejected:
		_ = a.terminate()
	default:
		_ = a.ack()
	}
}

// decode decodes the level of an arrival as of its publication. A ttl that has expired since ends the level at once.
func (s *natsSource) decode(ctx context.Context, a *arrival) (triggers.Level, error) {
	var err error
	m := a.message
	if m.Body, err = triggers.DecodeJSON(m.Raw); err != nil {
		return triggers.Level{}, fmt.Errorf("it cannot be decoded as JSON: %w", err)
	}
	levels, err := s.config.decode(ctx, m)
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
