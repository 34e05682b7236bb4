package alertmanager

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// source reports the level of the alerts that a trigger selects.
type source struct {
	config Config
	query  triggers.AlertQuery
	env    triggers.Env
	// minUptime and muteDelay are the client's.
	minUptime, muteDelay time.Duration

	mu     sync.Mutex
	alerts []triggers.Alert
	err    error
	// expired are the alerts that last ended because they were not repeated, until one of them fires again.
	expired expiredAlerts
	last    *scalers.Event
	// step runs when the level of the same alerts changes; nil if it never does.
	step *workqueue.Item
}

// Run reports the level at once, and whenever it changes.
func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	return triggers.RunPassive(ctx, s, emit)
}

// Start reports the level at once, and whenever it changes.
func (s *source) Start(emit func(scalers.Event)) (stop func(), err error) {
	if s.env.Alerts == nil {
		return nil, errors.New("this process receives no alerts")
	}
	stopReconciling := func() {}
	if len(s.config.Reconcile) > 0 {
		if stopReconciling, err = s.reconcile(); err != nil {
			return nil, err
		}
	}
	if s.config.StepInterval > 0 {
		s.step = s.env.NewItem(func() { s.reportStep(emit) })
	}
	unfollow := s.env.Alerts.Follow(s.query, func(c triggers.Cause, alerts []triggers.Alert, err error) {
		defer s.env.Recover()
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil {
			s.expired = s.expired.update(s.alerts, alerts, c.At)
		}
		s.alerts, s.err = alerts, err
		s.report(c, emit)
	})
	return func() {
		unfollow()
		if s.step != nil {
			s.step.Stop()
		}
		stopReconciling()
	}, nil
}

// reconcile begins to reconcile the alerts with those of Alertmanager. The store notifies of the result, and logs errors.
func (s *source) reconcile() (stop func(), err error) {
	reconciler, err := s.reconciler()
	if err != nil {
		return nil, err
	}
	return reconciler.Start(func(scalers.Event) {})
}

// reportStep reports a level that changes with time alone.
func (s *source) reportStep(emit func(scalers.Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		s.report(triggers.Cause{At: s.env.Now()}, emit)
	}
}

// report emits the level, unless it is the last one that was emitted; s.mu is held.
func (s *source) report(c triggers.Cause, emit func(scalers.Event)) {
	at := c.At
	if now := s.env.Now(); s.step != nil && now.After(at) {
		at = now
	}
	e := s.event(at)
	e.Trace = c.Trace
	if s.last != nil && same(s.last, &e) {
		return
	}
	s.last = &e
	emit(e)
}

// event returns the event for the alerts at a time.
func (s *source) event(at time.Time) scalers.Event {
	e := scalers.Event{Trigger: s.env.Trigger, At: scalers.InstantOf(at)}
	if s.err != nil && s.alerts == nil {
		e.Err = s.err
		return e
	}
	counting, waiting := split(s.alerts)
	level, next, err := s.config.Level(counting, at)
	if s.step != nil && !next.IsZero() {
		s.step.WakeAfter(next.Sub(at))
	}
	if err != nil {
		e.Err = errors.Join(err, s.err)
		return e
	}
	// Further alerts never lower the level, unless it is a mean.
	e.Value, e.Err, e.AtLeast = level, s.err, s.err != nil && s.config.Aggregation != "avg"
	e.Unconfirmed = s.config.staleText(counting)
	e.Stale = e.Unconfirmed != ""
	e.Lapsed = s.config.expiredText(s.expired)
	e.Notice, e.Foreseen = waitNotice(waiting), s.config.foreseen(counting, waiting)
	return e
}

// same reports whether two events differ in their time only.
func same(a, b *scalers.Event) bool {
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	return a.Value == b.Value && a.AtLeast == b.AtLeast && a.Unconfirmed == b.Unconfirmed && a.Lapsed == b.Lapsed && text(a.Err) == text(b.Err) &&
		a.Notice == b.Notice && a.Foreseen == b.Foreseen
}
