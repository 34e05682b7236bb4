package alertmanager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// source is one selection of alerts.
type source struct {
	config Config
	query  triggers.AlertQuery
	env    triggers.Env
	// settle and unmuted are the client's.
	settle, unmuted time.Duration

	mu     sync.Mutex
	alerts []triggers.Alert
	err    error
	last   *scalers.Event
	// step fires when the same alerts are another level; nil when they never are.
	step *time.Timer
}

// Run reports the level at once, and whenever it changes.
func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	if s.env.Alerts == nil {
		return errors.New("this process receives no alerts")
	}
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if len(s.config.Reconcile) > 0 {
		polled, err := s.reconciling()
		if err != nil {
			return err
		}
		// What it comes to is known from the alerts; what it fails at, the store says.
		all.Go(func() { _ = polled.Run(ctx, func(scalers.Event) {}) })
	}
	if s.config.StepInterval > 0 {
		s.step = time.NewTimer(time.Hour)
		defer s.step.Stop()
		all.Go(func() { s.follow(ctx, emit) })
	}
	return s.env.Alerts.Watch(ctx, s.query, func(at time.Time, alerts []triggers.Alert, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.alerts, s.err = alerts, err
		s.report(at, emit)
	})
}

// follow reports a level that changes with time alone, until ctx is done.
func (s *source) follow(ctx context.Context, emit func(scalers.Event)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.step.C:
		}
		s.mu.Lock()
		if s.last != nil {
			s.report(s.env.Now(), emit)
		}
		s.mu.Unlock()
	}
}

// report emits the level, unless that is what was said last; s.mu is held.
func (s *source) report(at time.Time, emit func(scalers.Event)) {
	if now := s.env.Now(); s.step != nil && now.After(at) {
		at = now
	}
	e := s.event(at)
	if s.last != nil && same(s.last, &e) {
		return
	}
	s.last = &e
	emit(e)
}

// event is what the alerts say at a time.
func (s *source) event(at time.Time) scalers.Event {
	e := scalers.Event{Trigger: s.env.Trigger, At: scalers.InstantOf(at)}
	if s.err != nil && s.alerts == nil {
		e.Err = s.err
		return e
	}
	counting, waiting := split(s.alerts)
	level, next, err := s.config.Level(counting, at)
	if s.step != nil && !next.IsZero() {
		s.step.Reset(next.Sub(at))
	}
	if err != nil {
		e.Err = errors.Join(err, s.err)
		return e
	}
	// More alerts are never a lower level, but for a mean.
	e.Value, e.Err, e.AtLeast = level, s.err, s.err != nil && s.config.Aggregation != "avg"
	e.Unconfirmed = unconfirmed(counting)
	e.Stale = e.Unconfirmed != ""
	e.Notice, e.Foreseen = s.config.foreseen(counting, waiting)
	return e
}

// same reports whether two events say the same.
func same(a, b *scalers.Event) bool {
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	return a.Value == b.Value && a.AtLeast == b.AtLeast && a.Unconfirmed == b.Unconfirmed && text(a.Err) == text(b.Err) &&
		a.Notice == b.Notice && a.Foreseen == b.Foreseen
}

// unconfirmed says which alerts still count without having been repeated, and since when; "" for none.
func unconfirmed(alerts []triggers.Alert) string {
	var stale []triggers.Alert
	for i := range alerts {
		if alerts[i].Stale {
			stale = append(stale, alerts[i])
		}
	}
	if len(stale) == 0 {
		return ""
	}
	oldest := slices.MinFunc(stale, func(a, b triggers.Alert) int { return a.LastSeen.Compare(b.LastSeen) })
	text := fmt.Sprintf("alert %s was last repeated at %s", oldest.Labels["alertname"], oldest.LastSeen.UTC().Format(time.RFC3339))
	if len(stale) > 1 {
		text += fmt.Sprintf(", and %d more are as silent", len(stale)-1)
	}
	return text
}
