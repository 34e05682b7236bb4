package cron

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

const (
	// reach is longer than any schedule waits: a leap day comes every four years, and after eight around 2100.
	reach = 9 * 366 * 24 * time.Hour
	// patience is how many times of one schedule are looked at in a row; a month has fewer minutes.
	patience = 50_000
)

// schedule yields the times of a cron expression on a clock on the wall that knows no zone and is never set. Such wall
// times are written as times in UTC; wall.go maps them to instants.
type schedule struct{ spec cron.Schedule }

// parse reads five fields, or one of @yearly, @monthly, @weekly, @daily and @hourly. Its errors are about the field of
// that name.
func parse(field, text string) (schedule, error) {
	form := "write minute, hour, day of month, month and day of week, such as 0 8 * * 1-5"
	switch {
	case strings.Contains(text, "TZ="):
		return schedule{}, wrong(field, fmt.Sprintf("%q names a time zone", text), "put it in timezone")
	case strings.HasPrefix(text, "@every"):
		return schedule{}, wrong(field, fmt.Sprintf("%q has no times of its own: it would begin anew with each restart", text), form)
	}
	spec, err := cron.ParseStandard(text)
	if err != nil {
		if strings.Contains(err.Error(), "(7) above maximum (6)") {
			form = "Sunday is 0 or SUN"
		}
		return schedule{}, wrong(field, fmt.Sprintf("%q is no schedule: %s", text, inShort(err)), form)
	}
	s := schedule{spec}
	if s.next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return schedule{}, wrong(field, fmt.Sprintf("%q never comes", text), "check the day and the month")
	}
	return s, nil
}

// inShort says what a parser's error says, without how it came to it.
func inShort(err error) string {
	text := err.Error()
	if rest, ok := strings.CutPrefix(text, "failed to parse int from "); ok {
		word, _, _ := strings.Cut(rest, ": ")
		return word + " is no number"
	}
	return text
}

// next returns the first time of s after t, to the minute; zero when there is none.
func (s schedule) next(t time.Time) time.Time {
	found := s.spec.Next(t)
	if found.IsZero() { // The library looks five years ahead.
		found = s.spec.Next(t.AddDate(4, 0, 0))
	}
	return found
}

// last returns the newest time of s that is not after t, and false when there is none within reach.
func (s schedule) last(t time.Time) (time.Time, bool) {
	t = t.Truncate(time.Minute)
	back := func(minutes int) time.Time { return t.Add(-time.Duration(minutes) * time.Minute) }
	comes := func(minutes int) bool {
		found := s.next(back(minutes))
		return !found.IsZero() && !found.After(t)
	}
	longest := int(reach / time.Minute)
	far := 64 // Most come every day or week: look there first.
	for far < longest && !comes(far) {
		far *= 8
	}
	longest = min(longest, far)
	minutes := sort.Search(longest, comes)
	return s.next(back(minutes)), minutes < longest || comes(longest)
}

// at reports whether t is a time of s.
func (s schedule) at(t time.Time) bool { return s.next(t.Add(-time.Second)).Equal(t) }
