package cron

import (
	"errors"
	"fmt"
	"strings"
	"time"

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

// Validate returns every mistake at once.
func (c Config) Validate() error {
	_, zoneErr := location(c.Timezone)
	start, startErr := parse("start", c.Start)
	end, endErr := parse("end", c.End)
	all := []error{zoneErr, startErr, endErr}
	if startErr == nil && endErr == nil && !(window{start: start, end: end}).closes() {
		all = append(all, wrong("end", "comes only when start comes, too: the window would never close", "give it another time"))
	}
	if c.DesiredReplicas < 0 {
		all = append(all, wrong("desiredReplicas", "must not be below 0", ""))
	}
	return errors.Join(all...)
}

// Trigger says how the level is read: it is the count itself, and it stands until the next edge.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: 1000, Exact: true, Continuous: true}
}

// Timetable returns the levels of every time: the count while the window is open, else 0.
func (c Config) Timetable() (triggers.Timetable, error) {
	w, err := c.window()
	if err != nil {
		return nil, err
	}
	inside := scalers.Milli(c.DesiredReplicas) * 1000
	return func(now time.Time) (scalers.Milli, time.Time) {
		open, edge := w.at(now)
		if open {
			return inside, edge
		}
		return 0, edge
	}, nil
}

// window returns the schedule of a valid config.
func (c Config) window() (window, error) {
	zone, zoneErr := location(c.Timezone)
	start, startErr := parse("start", c.Start)
	end, endErr := parse("end", c.End)
	return window{start: start, end: end, zone: zone}, errors.Join(zoneErr, startErr, endErr)
}

// location finds a time zone. Local is refused: it is a different one on each machine.
func location(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err == nil && name != "" && name != "Local" {
		return zone, nil
	}
	suggestion := "write a name of the IANA database, such as Europe/Berlin or Etc/UTC"
	if usual := usualCase(name); usual != name {
		if _, err := time.LoadLocation(usual); err == nil {
			suggestion = fmt.Sprintf("did you mean %q?", usual)
		}
	}
	return nil, wrong("timezone", fmt.Sprintf("%q is no time zone", name), suggestion)
}

// usualCase writes the name of a zone as most are: America/New_York.
func usualCase(name string) string {
	letters := []byte(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "_"))
	for i := range letters {
		if first := i == 0 || letters[i-1] == '/' || letters[i-1] == '_'; first && letters[i] >= 'a' && letters[i] <= 'z' {
			letters[i] -= 'a' - 'A'
		}
	}
	return string(letters)
}

func wrong(field, problem, suggestion string) error {
	return &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion}
}
