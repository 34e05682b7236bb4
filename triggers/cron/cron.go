// Package cron is the trigger of schedules: a number of replicas from one time until another.
package cron

import (
	"context"
	"time"
	_ "time/tzdata" // Time zones are the same on every machine.

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// recheck bounds how long the trigger trusts a timer: a machine that slept, or whose clock was set, is noticed.
const recheck = time.Minute

// Kind describes the trigger type cron.
func Kind() triggers.Kind {
	return triggers.Define("cron", "A number of replicas between two times of a schedule.", Config{}, open)
}

// open makes a source of a valid config.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	zone, err := c.location()
	if err != nil {
		return nil, &triggers.FieldError{Field: "timezone", Problem: err.Error()}
	}
	start, err := parse(c.Start)
	if err != nil {
		return nil, &triggers.FieldError{Field: "start", Problem: err.Error()}
	}
	end, err := parse(c.End)
	if err != nil {
		return nil, &triggers.FieldError{Field: "end", Problem: err.Error()}
	}
	return &source{window: window{start, end, zone}, inside: scalers.Milli(c.DesiredReplicas) * 1000, env: env}, nil
}

// source is one open schedule.
type source struct {
	window window
	inside scalers.Milli
	env    triggers.Env
}

// Run reports the level at once and at each edge.
func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	reported := scalers.Milli(-1)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		now := s.env.Now()
		if level := s.level(now); level != reported {
			emit(scalers.Event{Trigger: s.env.Trigger, At: scalers.InstantOf(now), Value: level})
			reported = level
		}
		wait := recheck
		if edge, ok := s.window.next(now); ok {
			wait = min(wait, edge.Sub(now))
		}
		timer.Reset(wait)
	}
}

// level is the count that the schedule wants at now.
func (s *source) level(now time.Time) scalers.Milli {
	if s.window.open(now) {
		return s.inside
	}
	return 0
}
