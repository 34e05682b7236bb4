package cron

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

const (
	// maxGap is longer than the time between two times of any schedule: a leap day comes every four years, and after eight
	// around 2100.
	maxGap = 9 * 366 * 24 * time.Hour
	// maxTimes is how many times of one schedule are tried in a row. A month has fewer minutes.
	maxTimes = 50_000
)

// schedule yields the times of a cron expression on a wall clock without zones that is never set. Such wall times are represented
// as times in UTC; wall.go maps them to instants.
type schedule struct{ spec cron.Schedule }

// parse parses five fields, or one of @yearly, @monthly, @weekly, @daily and @hourly. Its errors name the given field of the
// metadata.
func parse(field, text string) (schedule, error) {
	form := "write minute, hour, day of month, month and day of week, such as 0 8 * * 1-5"
	switch {
	case strings.Contains(text, "TZ="):
		return schedule{}, invalid(field, fmt.Sprintf("%q names a time zone", text), "put it in timezone")
	case strings.HasPrefix(text, "@every"):
		return schedule{}, invalid(field, fmt.Sprintf("%q has no fixed times: it would begin again with each restart", text), form)
	}
	spec, err := cron.ParseStandard(text)
	if err != nil {
		if strings.Contains(err.Error(), "(7) above maximum (6)") {
			form = "Sunday is 0 or SUN"
		}
		return schedule{}, invalid(field, fmt.Sprintf("%q is no schedule: %s", text, shorten(err)), form)
	}
	s := schedule{spec}
	if s.next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return schedule{}, invalid(field, fmt.Sprintf("%q never comes", text), "check the day and the month")
	}
	return s, nil
}

// shorten returns the text of a parser's error without its internal cause.
func shorten(err error) string {
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

// last returns the newest time of s that is not after t; false when there is none within maxGap.
func (s schedule) last(t time.Time) (time.Time, bool) {
	t = t.Truncate(time.Minute)
	back := func(minutes int) time.Time { return t.Add(-time.Duration(minutes) * time.Minute) }
	occurs := func(minutes int) bool {
		found := s.next(back(minutes))
		return !found.IsZero() && !found.After(t)
	}
	longest := int(maxGap / time.Minute)
	far := 64 // Most schedules have a time every day or week, so try short distances first.
	for far < longest && !occurs(far) {
		far *= 8
	}
	longest = min(longest, far)
	minutes := sort.Search(longest, occurs)
	return s.next(back(minutes)), minutes < longest || occurs(longest)
}

// at reports whether t is a time of s.
func (s schedule) at(t time.Time) bool { return s.next(t.Add(-time.Second)).Equal(t) }
