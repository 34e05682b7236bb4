package triggers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// defaultInterval is the interval of an Env that states none.
const defaultInterval = 30 * time.Second

// PollKey is what a Reader asks: readers with the same one and the same interval are the same.
type PollKey struct {
	// Server is who is asked: the readings of one server share the places that there are for it.
	Server string
	// Key holds all that the answer depends on, credentials included, and begins with the kind's name.
	Key string
}

// Poll makes a Source of a Reader: it is read at once, and then once per env.PollingInterval by env.Poller. Of readers that
// are the same, one is read for all.
func Poll(q PollKey, r Reader, env Env) Source {
	return PollEach(q, r.Read, func(_ scalers.Instant, value scalers.Milli) scalers.Event { return scalers.Event{Value: value} }, env)
}

// PollEach is Poll for a reading that says something else to each trigger: read is called for one of those who ask the
// same, and each makes its own event of what it returned, which is shared and must not be changed. at is when it was read; the
// event's Trigger and At are filled in. event must not block.
func PollEach[T any](
	q PollKey, read func(context.Context) (T, error), event func(at scalers.Instant, shared T) scalers.Event, env Env,
) Source {
	interval := env.PollingInterval
	if interval <= 0 {
		interval = defaultInterval
	}
	now := env.Now
	if now == nil {
		now = time.Now
	}
	return &pollSource{poller: env.Poller, key: groupKey{q, interval}, sub: subscriber{
		namespace: env.Namespace, trigger: env.Trigger, now: now,
		read: func(ctx context.Context) (any, error) { return read(ctx) },
		event: func(r reading) scalers.Event {
			value, ok := r.value.(T)
			if !ok {
				return scalers.Event{Err: fmt.Errorf("read: this is a defect: %q was read as a %T", q.Key, r.value)}
			}
			return event(r.at, value)
		},
	}}
}

// pollSource is one trigger's share in the readings of a group.
type pollSource struct {
	poller *Poller
	key    groupKey
	sub    subscriber
}

// Run reports what is read until ctx is done. It only waits: the Poller does the work.
func (p *pollSource) Run(ctx context.Context, emit func(scalers.Event)) error {
	if p.poller == nil {
		return errors.New("poll: there is no poller")
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.sub.emit = emit
	leave := p.poller.subscribe(p.key, &p.sub)
	defer leave()
	<-ctx.Done()
	return ctx.Err()
}

// subscriber is whoever hears of the readings of a group.
type subscriber struct {
	namespace, trigger string
	read               func(context.Context) (any, error)
	event              func(reading) scalers.Event
	now                func() time.Time

	mu   sync.Mutex
	emit func(scalers.Event) // nil before and after Run.
}

// notify emits a reading, unless Run has returned.
func (s *subscriber) notify(r reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notifyLocked(r)
}

// notifyLocked is deliver for who holds mu.
func (s *subscriber) notifyLocked(r reading) {
	if s.emit == nil {
		return
	}
	e := scalers.Event{Err: r.err}
	if r.err == nil {
		e = s.eventFrom(r)
	}
	e.Trigger, e.At = s.trigger, r.at
	s.emit(e)
}

// eventFrom makes an event of what was read, and an error of a panic.
func (s *subscriber) eventFrom(r reading) (e scalers.Event) { //nolint:nonamedreturns // A deferred function sets it.
	defer func() {
		if cause := recover(); cause != nil {
			e = scalers.Event{Err: fmt.Errorf("read: this is a defect: %v", cause)}
		}
	}()
	return s.event(r)
}

// close makes sure that nothing is emitted any more.
func (s *subscriber) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit = nil
}

// reading is what one Read came to.
type reading struct {
	at    scalers.Instant
	value any
	err   error
}
