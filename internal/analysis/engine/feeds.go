package engine

import (
	"fmt"
	"maps"

	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// DerivedFeeds returns the feeds of the triggers whose levels follow from the clock or from alerts, in the order of the workload's
// triggers. It has nil for the others: their readings have to be given. The error names the trigger.
func DerivedFeeds(w *compile.Workload, alerts []Alert) ([]Feed, error) {
	feeds := make([]Feed, len(w.Triggers))
	for i := range w.Triggers {
		t := &w.Triggers[i]
		var err error
		switch config := t.Config.(type) {
		case triggers.Timed:
			feeds[i], err = newSchedule(config)
		case triggers.Alerted:
			feeds[i], err = newSelection(config, w.Namespace, alerts)
		}
		if err != nil {
			return nil, fmt.Errorf("trigger %s: %w", t.Name, err)
		}
	}
	return feeds, nil
}

// schedule is the feed of a trigger that follows the clock.
type schedule struct{ table triggers.Timetable }

func newSchedule(config triggers.Timed) (Feed, error) {
	table, err := config.Timetable()
	return schedule{table}, err
}

// Timetables returns the timetables of the triggers that follow the clock, in the order of the policy; nil for the others.
func (s *Scenario) Timetables() []triggers.Timetable {
	tables := make([]triggers.Timetable, len(s.Feeds))
	for i, feed := range s.Feeds {
		if clock, ok := feed.(schedule); ok {
			tables[i] = clock.table
		}
	}
	return tables
}

// Next returns when the schedule has another level.
func (s schedule) Next(t scalers.Instant) scalers.Instant {
	_, end := s.table(t.Time())
	if end.IsZero() {
		return scalers.Never
	}
	return scalers.InstantOf(end)
}

// Read returns the level of the schedule.
func (s schedule) Read(t scalers.Instant, _ Target) (scalers.Event, bool) {
	level, _ := s.table(t.Time())
	return scalers.Event{Value: level}, true
}

// Alert is an alert that fires from an instant until another, exclusive. Until may be scalers.Never.
type Alert struct {
	triggers.Alert

	From, Until scalers.Instant
}

// selection is the feed of a trigger that selects alerts. They come from the receiver of its namespace, and are repeated as a healthy
// Alertmanager does, so that no ttl expires.
type selection struct {
	config triggers.Alerted
	alerts []Alert
}

func newSelection(config triggers.Alerted, namespace string, alerts []Alert) (Feed, error) {
	query, err := config.Selection(namespace)
	if err != nil {
		return nil, err
	}
	s := selection{config: config}
	for _, a := range alerts {
		if query.Namespace == namespace && query.Match(a.Labels) {
			s.alerts = append(s.alerts, a)
		}
	}
	return s, nil
}

// Next returns when an alert starts or ends, or the firing alerts have another level.
func (s selection) Next(t scalers.Instant) scalers.Instant {
	next := scalers.Never
	if _, then, err := s.config.Level(s.firing(t), t.Time()); err == nil && !then.IsZero() {
		next = scalers.InstantOf(then)
	}
	for i := range s.alerts {
		for _, edge := range [...]scalers.Instant{s.alerts[i].From, s.alerts[i].Until} {
			if edge > t {
				next = min(next, edge)
			}
		}
	}
	return next
}

// Read returns the level of the alerts that fire.
func (s selection) Read(t scalers.Instant, _ Target) (scalers.Event, bool) {
	level, _, err := s.config.Level(s.firing(t), t.Time())
	return scalers.Event{Value: level, Err: err}, true
}

// firing returns the alerts that fire at an instant. Alerts with the same labels are one: the newest replaces the others, and the
// earliest start stays.
func (s selection) firing(t scalers.Instant) []triggers.Alert {
	var (
		firing []triggers.Alert
		since  []scalers.Instant
	)
next:
	for _, a := range s.alerts {
		if t < a.From || t >= a.Until {
			continue
		}
		if a.StartsAt.IsZero() {
			a.StartsAt = a.From.Time()
		}
		for i := range firing {
			if maps.Equal(firing[i].Labels, a.Labels) {
				first := firing[i].StartsAt
				if a.StartsAt.Before(first) {
					first = a.StartsAt
				}
				if a.From >= since[i] {
					firing[i], since[i] = a.Alert, a.From
				}
				firing[i].StartsAt = first
				continue next
			}
		}
		firing, since = append(firing, a.Alert), append(since, a.From)
	}
	return firing
}
