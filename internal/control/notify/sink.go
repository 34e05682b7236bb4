package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// minBackoff and maxBackoff bound the wait before a retry.
	minBackoff = time.Second
	maxBackoff = time.Minute
	// rejectionInterval is the time for which a rejection for the same reason is not logged again.
	rejectionInterval = time.Hour
)

// sink is one sink that is served by run. Its queue outlives a change of its definition.
type sink struct {
	name    string
	metrics *Metrics
	log     *slog.Logger
	// open makes the transport for a definition.
	open func(*Sink) (transport, error)
	// arrived and replaced each have one element when an event has arrived, or the definition was replaced.
	arrived, replaced chan struct{}
	// ended is closed to end run at once, and done is closed when it has returned.
	ended, done chan struct{}

	mu         sync.Mutex
	definition *Sink
	queue      queue
	// sending is the event that is being sent; nil if there is none.
	sending *Event
	// lost counts the notifications that were not accepted since the sink failed.
	lost int

	// The fields below belong to the goroutine of run.
	transport transport
	opened    *Sink
	// failing identifies the failure that was logged; "" if the sink works.
	failing string
	// rejection identifies the rejection that was logged last, at rejectedAt.
	rejection  string
	rejectedAt time.Time
}

// offer queues an event if the sink's filter selects it.
func (s *sink) offer(e *Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.definition.Filter.Match(e) {
		return
	}
	if dropped := s.queue.add(e); dropped > 0 {
		s.metrics.count(s.name, resultDropped, dropped)
		s.lost += dropped
	}
	signal(s.arrived)
}

// replace replaces the definition.
func (s *sink) replace(definition *Sink) {
	s.mu.Lock()
	s.definition = definition
	s.mu.Unlock()
	signal(s.replaced)
}

// current returns the definition.
func (s *sink) current() *Sink {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.definition
}

// next takes the next event; nil if there is none.
func (s *sink) next() *Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sending = s.queue.pop()
	return s.sending
}

// state returns how many events have not been sent, and the time of the oldest.
func (s *sink) state() (waiting int, oldest time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting = len(s.queue.events)
	if waiting > 0 {
		oldest = s.queue.events[0].Time
	}
	if s.sending != nil {
		return waiting + 1, s.sending.Time
	}
	return waiting, oldest
}

// signal puts an element into a channel that holds one, unless it has one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run sends the events of the queue until stop is closed and the queue is empty, or until ended is closed.
func (s *sink) run(stop <-chan struct{}) {
	defer close(s.done)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-s.ended:
		case <-ctx.Done():
		}
	}()
	defer func() {
		if s.transport != nil {
			s.transport.close()
		}
		if left, _ := s.state(); left > 0 {
			s.metrics.count(s.name, resultLost, left)
			s.log.Warn("notifications were not sent before the end", "sink", s.name, "count", left)
		}
	}()
	for ctx.Err() == nil {
		e := s.next()
		if e != nil {
			s.deliver(ctx, e)
			continue
		}
		select {
		case <-s.arrived:
		case <-stop:
			if waiting, _ := s.state(); waiting == 0 {
				return
			}
		case <-ctx.Done():
		}
	}
}

// deliver tries to send an event until the sink accepts or rejects it, it is too old, or ctx is done.
func (s *sink) deliver(ctx context.Context, e *Event) {
	for attempt := 1; ; attempt++ {
		definition := s.current()
		if time.Since(e.Time) >= definition.MaxAge {
			s.finish(resultExpired)
			return
		}
		err := s.attempt(ctx, definition, e)
		switch {
		case err == nil:
			s.logRecovery()
			s.finish(resultSent)
			return
		case ctx.Err() != nil:
			return // The event counts as lost.
		case !retryable(err):
			s.logRejection(err)
			s.finish(resultRejected)
			return
		}
		s.metrics.retry(s.name)
		s.logFailure(err)
		if !s.wait(ctx, min(backoff(attempt, err), definition.MaxAge-time.Since(e.Time))) {
			attempt = 0
		}
	}
}

// attempt tries to send an event once.
func (s *sink) attempt(ctx context.Context, definition *Sink, e *Event) error {
	if s.opened != definition {
		if s.transport != nil {
			s.transport.close()
		}
		var err error
		s.transport, err = s.open(definition)
		if err != nil {
			s.transport, s.opened = nil, nil
			return &rejectedError{err.Error()}
		}
		s.opened = definition
	}
	ctx, cancel := context.WithTimeoutCause(ctx, definition.Timeout, fmt.Errorf("no answer within %s", definition.Timeout))
	defer cancel()
	return s.transport.send(ctx, e)
}

// finish counts the result of the event that is being sent.
func (s *sink) finish(result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sending = nil
	if result != resultSent {
		s.lost++
	}
	s.metrics.count(s.name, result, 1)
}

// resetLost returns how many notifications were lost, and begins to count again.
func (s *sink) resetLost() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.lost = 0 }()
	return s.lost
}

// wait waits before a retry. It returns false, at once, if the definition has been replaced.
func (s *sink) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.replaced:
		return false
	case <-ctx.Done():
		return true
	}
}

// backoff returns the wait after a number of failed attempts: twice as long each time, and randomized by a quarter. It is not shorter than the
// sink has asked for.
func backoff(attempt int, err error) time.Duration {
	d := maxBackoff
	if attempt < 7 {
		d = min(d, minBackoff<<(attempt-1))
	}
	d = d*3/4 + rand.N(d/4)
	if busy, ok := errors.AsType[*busyError](err); ok {
		d = max(d, busy.after)
	}
	return d
}

// logFailure logs why the sink cannot be reached, unless that was logged last.
func (s *sink) logFailure(err error) {
	identity := triggers.ErrorIdentity(err)
	if identity == s.failing {
		return
	}
	if s.failing == "" {
		s.resetLost() // Those before have another cause.
	}
	s.failing = identity
	waiting, _ := s.state()
	s.log.Warn("notifications cannot be sent; retrying", "sink", s.name, "waiting", waiting, "error", printable.Line(err.Error(), printable.Longest))
}

// logRecovery logs that the sink can be reached again.
func (s *sink) logRecovery() {
	if s.failing != "" {
		s.log.Info("notifications are sent again", "sink", s.name, "lost", s.resetLost())
		s.failing = ""
	}
}

// logRejection logs why the sink has rejected a notification, once an hour for each reason.
func (s *sink) logRejection(err error) {
	identity := triggers.ErrorIdentity(err)
	if identity == s.rejection && time.Since(s.rejectedAt) < rejectionInterval {
		return
	}
	s.rejection, s.rejectedAt = identity, time.Now()
	s.log.Warn("a notification was rejected; it is not sent again", "sink", s.name, "error", printable.Line(err.Error(), printable.Longest))
}
