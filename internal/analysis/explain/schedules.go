package explain

import (
	"fmt"

	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Schedules are the timetables of the triggers that follow the clock, in the order of the policy; nil for the others.
type Schedules []triggers.Timetable

// SchedulesOf returns the schedules of a workload.
func SchedulesOf(w *compile.Workload) (Schedules, error) {
	schedules := make(Schedules, len(w.Triggers))
	for i := range w.Triggers {
		timed, ok := w.Triggers[i].Config.(triggers.Timed)
		if !ok {
			continue
		}
		table, err := timed.Timetable()
		if err != nil {
			return nil, fmt.Errorf("trigger %s: %w", w.Triggers[i].Name, err)
		}
		schedules[i] = table
	}
	return schedules, nil
}

// follows reports whether trigger i follows the clock.
func (s Schedules) follows(i int) bool { return i < len(s) && s[i] != nil }

// any reports whether a trigger follows the clock.
func (s Schedules) any() bool {
	for i := range s {
		if s.follows(i) {
			return true
		}
	}
	return false
}

// read replaces the readings of the schedules whose level is another one at an instant.
func (s Schedules) read(events []scalers.Event, now scalers.Instant) {
	for i := range events {
		if !s.follows(i) {
			continue
		}
		if level, _ := s[i](now.Time()); events[i].At == 0 || level != events[i].Value {
			events[i].At, events[i].Value = now, level
		}
	}
}

// next returns the first instant after now at which a schedule has another level; scalers.Never when there is none.
func (s Schedules) next(now scalers.Instant) scalers.Instant {
	first := scalers.Never
	for i := range s {
		if !s.follows(i) {
			continue
		}
		if _, end := s[i](now.Time()); !end.IsZero() {
			first = min(first, scalers.InstantOf(end))
		}
	}
	return first
}
