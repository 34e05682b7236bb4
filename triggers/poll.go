package triggers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// defaultInterval is the interval for an Env without PollingInterval.
const defaultInterval = 30 * time.Second

// PollKey identifies the data that a Reader reads. Readers with the same PollKey and the same interval share one reading.
type PollKey struct {
	// Server identifies the server. The number of concurrent readings of one server is limited.
	Server string
	// Key contains everything that the answer depends on, including Env.Credentials. It begins with the name of the kind.
	Key string
}

// ErrNotRead is the error of an event of PollEach whose shared reading began before the trigger asked for its part of it. The event is not
// emitted. It leads to a reading at once, or half a second after the last one began.
var ErrNotRead = errors.New("not part of the reading")

// Poll returns a Source for a Reader. env.Poller reads it once at the start and then every env.PollingInterval.
func Poll(q PollKey, r Reader, env Env) Passive {
	return PollEach(q, r.Read, func(_ scalers.Instant, value scalers.Milli) scalers.Event { return scalers.Event{Value: value} }, env)
}

// PollEach is like Poll for readings that mean different levels to different triggers. read is called for one of the triggers with the
// same key, and event is called for each of them with the result, which is shared and must not be changed, and the time of the reading.
// PollEach sets Trigger and At of the event. event must not block. It returns an event with ErrNotRead if the reading has no level for its
// trigger. A change of the credentials leads to a reading within a second.
func PollEach[T any](
	q PollKey, read func(context.Context) (T, error), event func(at scalers.Instant, shared T) scalers.Event, env Env,
) Passive {
	interval := env.PollingInterval
	if interval <= 0 {
		interval = defaultInterval
	}
	now := env.Now
	if now == nil {
		now = time.Now
	}
	p := &pollSource{poller: env.Poller, key: groupKey{q, interval}, watchSecrets: env.WatchSecrets}
	p.sub = subscriber{
		namespace: env.Namespace, trigger: env.Trigger, now: now, notRead: p.readEarly, headStart: headStart(&env, now()),
		read: func(ctx context.Context) (any, error) { return read(ctx) },
		event: func(r reading) scalers.Event {
			value, ok := r.value.(T)
			if !ok {
				return scalers.Event{Err: fmt.Errorf("read: this is a defect: %q was read as a %T", q.Key, r.value)}
			}
			return event(r.at, value)
		},
	}
	return p
}

// pollSource is the Source of one trigger, which subscribes to the readings of a group.
type pollSource struct {
	poller       *Poller
	key          groupKey
	watchSecrets func(changed func()) (stop func())
	sub          subscriber
}

// Start subscribes to the readings. The Poller does the work. It reads early after a change of the credentials, and after a reading without
// this trigger.
func (p *pollSource) Start(emit func(scalers.Event)) (func(), error) {
	if p.poller == nil {
		return nil, errors.New("poll: there is no poller")
	}
	p.sub.emit = emit
	leave := p.poller.subscribe(p.key, &p.sub)
	if p.watchSecrets == nil {
		return leave, nil
	}
	forget := p.watchSecrets(p.readEarly)
	return func() {
		forget()
		leave()
	}, nil
}

// Run is Start until ctx is done.
func (p *pollSource) Run(ctx context.Context, emit func(scalers.Event)) error {
	return RunPassive(ctx, p, emit)
}

func (p *pollSource) readEarly() { p.poller.readEarly(p.key) }

// subscriber receives the readings of a group, for one trigger.
type subscriber struct {
	namespace, trigger string
	read               func(context.Context) (any, error)
	event              func(reading) scalers.Event
	now                func() time.Time
	headStart          time.Duration
	// notRead is called after a reading without this trigger.
	notRead func()

	mu   sync.Mutex
	emit func(scalers.Event) // It is nil before Start and after the end.
}

// notify emits a reading unless the source has ended.
func (s *subscriber) notify(r reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notifyLocked(r)
}

// notifyLocked is like notify; the caller must hold mu.
func (s *subscriber) notifyLocked(r reading) {
	if s.emit == nil {
		return
	}
	e := scalers.Event{Err: r.err}
	if r.err == nil {
		e = s.eventFrom(r)
	}
	if errors.Is(e.Err, ErrNotRead) {
		s.notRead()
		return
	}
	e.Trigger, e.At = s.trigger, r.at
	s.emit(e)
}

// eventFrom returns the event for a reading. A panic becomes the event's error.
func (s *subscriber) eventFrom(r reading) (e scalers.Event) {
	defer func() {
		if cause := recover(); cause != nil {
			e = scalers.Event{Err: fmt.Errorf("read: this is a defect: %v", cause)}
		}
	}()
	return s.event(r)
}

// close stops all further events.
func (s *subscriber) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit = nil
}

// reading is the result of one Read.
type reading struct {
	at    scalers.Instant
	value any
	err   error
}
