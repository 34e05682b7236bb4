package triggers

import (
	"context"
	"errors"

	"github.com/impulse-sh/impulse/scalers"
)

// levelsOf returns the levels in records, in their order. All have On set.
func levelsOf(records []Alert) ([]Level, error) {
	levels := make([]Level, len(records))
	for i := range records {
		if records[i].Level == nil {
			return nil, errors.New("a recorded level has no value")
		}
		levels[i] = *records[i].Level
	}
	return levels, nil
}

// Listener is a trigger that receives messages at its endpoint.
type Listener struct {
	// Endpoint is the trigger's endpoint. Listen sets its namespace, object and trigger.
	Endpoint Endpoint
	// Decode turns a message into levels: see Endpoints.Listen.
	Decode func(ctx context.Context, m Message) ([]Level, error)
	// Aggregate combines the levels that count at the moment into one. After an error the level is unknown.
	Aggregate func(levels []Level) (scalers.Milli, error)
	// Keyed is true if several levels can exist at the same time. If records were lost, the known levels are then only a lower
	// bound.
	Keyed bool
}

// Listen returns a Source for a Listener. It reports the recorded levels once at the start and after each change.
func Listen(l Listener, env Env) Source {
	l.Endpoint.Namespace, l.Endpoint.Object, l.Endpoint.Trigger = env.Namespace, env.Object, env.Trigger
	return &listenSource{Listener: l, env: env}
}

// listenSource is a Listener as a Source.
type listenSource struct {
	Listener

	env      Env
	reported bool
	last     scalers.Event
}

// Run listens until ctx is done.
func (s *listenSource) Run(ctx context.Context, emit func(scalers.Event)) error {
	return RunPassive(ctx, s, emit)
}

// Start begins to listen.
func (s *listenSource) Start(emit func(scalers.Event)) (func(), error) {
	if s.env.Endpoints == nil || s.env.Alerts == nil {
		return nil, errors.New("this process has no endpoints: it cannot receive messages")
	}
	unlisten := s.env.Endpoints.Listen(s.Endpoint, s.Decode)
	query := AlertQuery{
		Namespace: s.Endpoint.Namespace, SelectedBy: s.Endpoint.Namespace + "/" + s.Endpoint.Object, Object: s.Endpoint.Object, Trigger: s.Endpoint.Trigger,
		Match: func(map[string]string) bool { return true },
	}
	unfollow := s.env.Alerts.Follow(query, func(c Cause, records []Alert, err error) {
		defer s.env.Recover()
		e := s.event(records, err)
		e.Trigger, e.At, e.Trace = s.env.Trigger, scalers.InstantOf(c.At), c.Trace
		if s.reported && sameEvent(&e, &s.last) {
			return
		}
		s.reported, s.last = true, e
		emit(e)
	})
	return func() { unfollow(); unlisten() }, nil
}

// event returns the event for the recorded levels. If the trigger has keys and records were lost, others may count as well, so the
// level is only a lower bound. Without keys, the one record is the newest level and nothing else matters.
func (s *listenSource) event(records []Alert, lost error) scalers.Event {
	levels, err := levelsOf(records)
	if err != nil {
		return scalers.Event{Err: err}
	}
	if lost != nil && len(levels) == 0 {
		return scalers.Event{Err: lost}
	}
	if !s.Keyed {
		lost = nil
	}
	value, err := s.Aggregate(levels)
	if err != nil {
		return scalers.Event{Err: err}
	}
	return scalers.Event{Value: value, Err: lost, AtLeast: lost != nil}
}

// sameEvent reports whether two events have the same level.
func sameEvent(a, b *scalers.Event) bool {
	if (a.Err == nil) != (b.Err == nil) || a.Err != nil && a.Err.Error() != b.Err.Error() {
		return false
	}
	return a.Value == b.Value && a.AtLeast == b.AtLeast
}
