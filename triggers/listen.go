package triggers

import (
	"context"
	"errors"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// levelsOf returns the levels that were recorded, in their order: all are on.
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

// Listener is a trigger that hears what comes through its door.
type Listener struct {
	// Endpoint is completed by the Env.
	Endpoint Endpoint
	// Decode turns a message into levels, as Doors.Listen says.
	Decode func(ctx context.Context, m Message) ([]Level, error)
	// Aggregate makes one level of those that count now. An error makes it unknown.
	Aggregate func(levels []Level) (scalers.Milli, error)
	// Keyed: levels exist side by side, so that those that are known are not all while others may have been lost.
	Keyed bool
}

// Listen makes a Source of a Listener: it reports what is recorded at once, and then whenever that changes.
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
	if s.env.Endpoints == nil || s.env.Alerts == nil {
		return errors.New("this process has no doors: nothing can be sent to it")
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	defer s.env.Endpoints.Listen(s.Endpoint, s.Decode)()
	query := AlertQuery{
		Namespace: s.Endpoint.Namespace, SelectedBy: s.Endpoint.Namespace + "/" + s.Endpoint.Object, Object: s.Endpoint.Object, Trigger: s.Endpoint.Trigger,
		Match: func(map[string]string) bool { return true },
	}
	return s.env.Alerts.Watch(ctx, query, func(at time.Time, records []Alert, err error) {
		e := s.event(records, err)
		e.Trigger, e.At = s.env.Trigger, scalers.InstantOf(at)
		if s.reported && sameEvent(&e, &s.last) {
			return
		}
		s.reported, s.last = true, e
		emit(e)
	})
}

// event is what the records say. Of several, those that were lost may have counted as well: then the level is at least that
// of the ones that are known. A single one is the newest, and the whole truth.
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

// sameEvent reports whether two events say the same.
func sameEvent(a, b *scalers.Event) bool {
	if (a.Err == nil) != (b.Err == nil) || a.Err != nil && a.Err.Error() != b.Err.Error() {
		return false
	}
	return a.Value == b.Value && a.AtLeast == b.AtLeast
}
