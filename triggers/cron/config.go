package cron

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of a cron trigger.
type Config struct {
	Timezone        string `json:"timezone" required:"true" doc:"IANA name of the time zone, such as Europe/Berlin or Etc/UTC."`
	Start           string `json:"start" required:"true" doc:"When the window opens, in five fields: minute, hour, day, month and weekday, such as 0 8 * * 1-5."`
	End             string `json:"end" required:"true" doc:"When the window closes, in the same form."`
	DesiredReplicas int32  `json:"desiredReplicas" required:"true" doc:"Replicas while the window is open."`
}

// Validate returns every mistake, joined.
func (c Config) Validate() error {
	_, zoneErr := location(c.Timezone)
	start, startErr := parse("start", c.Start)
	end, endErr := parse("end", c.End)
	all := []error{zoneErr, startErr, endErr}
	if startErr == nil && endErr == nil && !(window{start: start, end: end}).closes() {
		all = append(all, invalid("end", "is always the same time as start: the window would never close", "give it another time"))
	}
	if c.DesiredReplicas < 0 {
		all = append(all, invalid("desiredReplicas", "must not be below 0", ""))
	}
	return errors.Join(all...)
}

// Trigger returns how the core interprets the level: it is a number of replicas, and holds until the window starts or ends.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: 1000, Exact: true, Continuous: true}
}

// Timetable returns the level at any time: DesiredReplicas while the window is open, and 0 while it is not. It returns the errors of
// an invalid config.
func (c Config) Timetable() (triggers.Timetable, error) {
	w, err := c.window()
	if err != nil {
		return nil, err
	}
	inside := scalers.Milli(c.DesiredReplicas) * 1000
	return func(now time.Time) (scalers.Milli, time.Time) {
		open, change := w.at(now)
		if open {
			return inside, change
		}
		return 0, change
	}, nil
}

// window returns the window of a valid config.
func (c Config) window() (window, error) {
	zone, zoneErr := location(c.Timezone)
	start, startErr := parse("start", c.Start)
	end, endErr := parse("end", c.End)
	return window{start: start, end: end, zone: zone}, errors.Join(zoneErr, startErr, endErr)
}

// location returns a time zone by name. Local is an error, because it differs between machines.
func location(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err == nil && name != "" && name != "Local" {
		return zone, nil
	}
	suggestion := "write a name of the IANA database, such as Europe/Berlin or Etc/UTC"
	if other := capitalized(name); other != name {
		if _, err := time.LoadLocation(other); err == nil {
			suggestion = diag.DidYouMean(other)
		}
	}
	return nil, invalid("timezone", fmt.Sprintf("%q is no time zone", name), suggestion)
}

// capitalized returns the name of a zone with the usual capital letters, such as America/New_York for america/new_york.
func capitalized(name string) string {
	letters := []byte(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "_"))
	for i := range letters {
		if first := i == 0 || letters[i-1] == '/' || letters[i-1] == '_'; first && letters[i] >= 'a' && letters[i] <= 'z' {
			letters[i] -= 'a' - 'A'
		}
	}
	return string(letters)
}

// invalid returns a mistake in a field.
func invalid(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
