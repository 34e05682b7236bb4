package override

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// errLength is returned for a length that cannot be read.
var errLength = errors.New("expected a length above 0, such as 30m, 2h or 3d")

// ParseLength reads a length of time: a duration of Go, or days, such as 3d.
func ParseLength(text string) (time.Duration, error) {
	length, err := time.ParseDuration(text)
	if days, is := strings.CutSuffix(text, "d"); is {
		var n int64
		if n, err = strconv.ParseInt(days, 10, 16); err == nil {
			length = time.Duration(n) * 24 * time.Hour
		}
	}
	if err != nil || length <= 0 {
		return 0, fmt.Errorf("%q: %w", text, errLength)
	}
	return length, nil
}

// After returns the end of a length of time from now, rounded up to the second.
func After(now time.Time, length time.Duration) time.Time {
	return now.Add(length + time.Second - 1).Truncate(time.Second)
}

var (
	errTime = errors.New("expected a time, such as 2026-03-01T18:00:00Z, or 18:00 for the next one of the clock on this machine")
	errPast = errors.New("is in the past")
)

// ParseEnd reads the end of a pause: a time in RFC 3339, or a time of the clock at now's location, with or without a date.
func ParseEnd(text string, now time.Time) (time.Time, error) {
	end, err := parseEnd(text, now)
	switch {
	case err != nil:
		return end, err
	case !end.After(now):
		return end, fmt.Errorf("%q %w: it is %s", text, errPast, now.Format(time.RFC3339))
	}
	return end, nil
}

func parseEnd(text string, now time.Time) (time.Time, error) {
	if end, err := time.Parse(time.RFC3339, text); err == nil {
		return end, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if end, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return end, nil
		}
	}
	clock, err := time.Parse("15:04", text)
	if err != nil {
		return clock, fmt.Errorf("%q: %w", text, errTime)
	}
	year, month, day := now.Date()
	at := func(day int) time.Time {
		return time.Date(year, month, day, clock.Hour(), clock.Minute(), 0, 0, now.Location())
	}
	if end := at(day); end.After(now) {
		return end, nil
	}
	return at(day + 1), nil
}
