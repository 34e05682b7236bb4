package triggers

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// defaultInterval is the interval of an Env that states none.
const defaultInterval = 30 * time.Second

// Poll makes a Source of a Reader: it is read at once, and then once per env.PollingInterval by env.Poller. Readers with
// the same key and interval are the same: one is read for all. The key holds all that the level depends on, credentials
// included, and begins with the kind's name.
func Poll(key string, r Reader, env Env) Source {
	interval := env.PollingInterval
	if interval <= 0 {
		interval = defaultInterval
	}
	now := env.Now
	if now == nil {
		now = time.Now
	}
	return &polled{poller: env.Poller, key: groupKey{key, interval}, sub: subscriber{trigger: env.Trigger, reader: r, now: now}}
}

// polled is one trigger's share in the readings of a group.
type polled struct {
	poller *Poller
	key    groupKey
	sub    subscriber
}

// Run reports what is read until ctx is done. It only waits: the Poller does the work.
func (p *polled) Run(ctx context.Context, emit func(scalers.Event)) error {
	if p.poller == nil {
		return errors.New("poll: there is no poller")
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.sub.emit = emit
	leave := p.poller.join(p.key, &p.sub)
	defer leave()
	<-ctx.Done()
	return ctx.Err()
}

// subscriber is whoever hears of the readings of a group.
type subscriber struct {
	trigger string
	reader  Reader
	now     func() time.Time

	mu   sync.Mutex
	emit func(scalers.Event) // nil before and after Run.
}

// deliver emits a reading, unless Run has returned.
func (s *subscriber) deliver(r reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell(r)
}

// tell is deliver for who holds mu.
func (s *subscriber) tell(r reading) {
	if s.emit != nil {
		s.emit(scalers.Event{Trigger: s.trigger, At: r.at, Value: r.value, Err: r.err})
	}
}

// silence makes sure that nothing is emitted any more.
func (s *subscriber) silence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit = nil
}

// reading is what one Read came to.
type reading struct {
	at    scalers.Instant
	value scalers.Milli
	err   error
}
