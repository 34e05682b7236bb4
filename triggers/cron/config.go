package cron

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Config is the metadata of a cron trigger.
type Config struct {
	Timezone        string `json:"timezone" required:"true" doc:"IANA name of the time zone, such as Europe/Berlin or Etc/UTC."`
	Start           string `json:"start" required:"true" doc:"Cron expression of five fields (minute hour day month weekday): when the window opens."`
	End             string `json:"end" required:"true" doc:"Cron expression of five fields: when the window closes."`
	DesiredReplicas int32  `json:"desiredReplicas" required:"true" doc:"Replicas inside the window."`
}

// Validate returns every mistake at once.
func (c Config) Validate() error {
	var mistakes []error
	wrong := func(field, problem, suggestion string) {
		mistakes = append(mistakes, &triggers.FieldError{Field: field, Problem: problem, Suggestion: suggestion})
	}
	if _, err := c.location(); c.Timezone != "" && err != nil {
		wrong("timezone", fmt.Sprintf("unknown time zone %q", c.Timezone), "an IANA name such as Europe/Berlin or Etc/UTC")
	}
	for _, f := range []struct{ name, text string }{{"start", c.Start}, {"end", c.End}} {
		if f.text == "" {
			continue
		}
		if problem, suggestion := check(f.text); problem != "" {
			wrong(f.name, problem, suggestion)
		}
	}
	if c.Start != "" && strings.Join(strings.Fields(c.Start), " ") == strings.Join(strings.Fields(c.End), " ") {
		wrong("end", "is the same as start", "the window would never be open")
	}
	if c.DesiredReplicas < 0 {
		wrong("desiredReplicas", fmt.Sprintf("%d is below 0", c.DesiredReplicas), "")
	}
	return errors.Join(mistakes...)
}

// Trigger says how the level is read: it is the count itself, and stands until the next edge.
func (c Config) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: 1000, Exact: true, Continuous: true}
}

// location returns the time zone. "Local" is refused: it would be that of the machine.
func (c Config) location() (*time.Location, error) {
	if c.Timezone == "Local" {
		return nil, errors.New("the machine's own zone is no zone of a schedule")
	}
	return time.LoadLocation(c.Timezone)
}

// check says what is wrong with a cron expression, and what to write instead.
func check(text string) (problem, suggestion string) {
	switch {
	case strings.HasPrefix(text, "@every"):
		return fmt.Sprintf("%q has no fixed times", text), "five fields: minute hour day month weekday"
	case strings.Contains(text, "TZ="):
		return fmt.Sprintf("%q names a zone", text), "put it in timezone"
	}
	schedule, err := parse(text)
	if err != nil {
		return fmt.Sprintf("%q is not a cron expression: %s", text, err), "five fields: minute hour day month weekday, such as 0 8 * * 1-5"
	}
	if schedule.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return fmt.Sprintf("%q never comes", text), "check the day and the month"
	}
	return "", ""
}

// parse reads an expression; the schedule it returns runs on the wall clock, in UTC's clothes.
func parse(text string) (schedule cron.Schedule, err error) { //nolint:nonamedreturns // Set by the deferred recover.
	defer func() {
		// The parser is known to panic on a few malformed descriptors.
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return cron.ParseStandard("TZ=UTC " + text)
}
