// Package cron is the trigger of schedules: a number of replicas from one time until another, in a time zone.
//
// It is pushed and exact: nothing is polled, the edges of the schedule come by timer.
package cron

import (
	"context"
	"time"
	_ "time/tzdata" // The zones are known on every machine.

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// recheck bounds how long a timer is trusted: a machine may sleep, and its clock may be set.
const recheck = time.Minute

// Kind describes the trigger type cron.
func Kind() triggers.Kind {
	k := triggers.Define("cron", "A number of replicas between two times of a schedule.", Config{}, open)
	k.Push = true
	k.Example = map[string]string{"timezone": "Europe/Berlin", "start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "desiredReplicas": "10"}
	return k
}

// open makes the source.
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
}

// state is what the schedule says from one instant until the next edge.
type state struct {
	level scalers.Milli
	from  time.Time
	edge  time.Time // Zero: it never changes.
}

// at returns the state at now.
func (s *source) at(now time.Time) state {
	level, edge := s.table(now)
	return state{level: level, from: now, edge: edge}
}

// holds reports whether the state is still that at now: the edge has not come, and the clock was not set back.
func (st state) holds(now time.Time) bool {
	return !now.Before(st.from) && (st.edge.IsZero() || now.Before(st.edge))
}

// Run reports the level at once and at each edge.
func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	timer := time.NewTimer(recheck)
	defer timer.Stop()
	for current, reported := (state{}), false; ; {
		now := s.env.Now().Round(0) // The wall clock speaks, not the time since start.
		if !reported || !current.holds(now) {
			next := s.at(now)
			if !reported || next.level != current.level {
				emit(scalers.Event{Trigger: s.env.Trigger, At: scalers.InstantOf(now), Value: next.level})
			}
			current, reported = next, true
		}
		wait := recheck
		if !current.edge.IsZero() {
			wait = min(wait, current.edge.Sub(now))
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
}
