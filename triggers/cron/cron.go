package cron

import (
	"context"
	"time"
	_ "time/tzdata" // Machines without a time zone database have the zones, too.

	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// recheck is the longest time between two readings of the clock: a machine may be suspended, and its clock may be set.
const recheck = time.Minute

// Kind describes the trigger type cron.
func Kind() triggers.Kind {
	k := triggers.Define("cron", "A number of replicas between two times of a schedule.", Config{}, open)
	k.Push = true
	k.Example = map[string]string{"timezone": "Europe/Berlin", "start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "desiredReplicas": "10"}
	return k
}

// open returns the source. It does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	table, err := c.Timetable()
	if err != nil {
		return nil, err
	}
	return &source{table: table, env: env}, nil
}

// source is one open schedule.
type source struct {
	table triggers.Timetable
	env   triggers.Env
	emit  func(scalers.Event)

	item *workqueue.Item
	// The item uses the fields below: the state that was emitted last, if any was.
	last     state
	reported bool
}

// state is the level of a schedule from one instant until the next start or end of a window.
type state struct {
	level scalers.Milli
	from  time.Time
	end   time.Time // Zero: it never ends.
}

// at returns the state at now.
func (s *source) at(now time.Time) state {
	level, end := s.table(now)
	return state{level: level, from: now, end: end}
}

// current reports whether st is still the state at now: its end is later, and the clock was not set back.
func (st state) current(now time.Time) bool {
	return !now.Before(st.from) && (st.end.IsZero() || now.Before(st.end))
}

// Run emits the level at the start and at each start or end of a window that changes it.
func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	return triggers.RunPassive(ctx, s, emit)
}

// Start emits the level at the start and at each start or end of a window that changes it.
func (s *source) Start(emit func(scalers.Event)) (stop func(), err error) {
	s.emit = emit
	s.item = s.env.NewItem(s.check)
	s.item.Wake()
	return s.item.Stop, nil
}

// check emits the level if it has changed, and schedules the next check.
func (s *source) check() {
	now := s.env.Now().Round(0) // Without the monotonic time: the wall clock decides.
	if !s.reported || !s.last.current(now) {
		next := s.at(now)
		if !s.reported || next.level != s.last.level {
			s.emit(scalers.Event{Trigger: s.env.Trigger, At: scalers.InstantOf(now), Value: next.level})
		}
		s.last, s.reported = next, true
	}
	wait := recheck
	if !s.last.end.IsZero() {
		wait = min(wait, s.last.end.Sub(now))
	}
	s.item.WakeAfter(wait)
}
