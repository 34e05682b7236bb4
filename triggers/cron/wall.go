package cron

import "time"

// wallTime returns the local time in a zone at an instant, as a time in UTC.
func wallTime(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// wallTimes returns the lowest wall time at now or later, and the highest at now or earlier. They differ only around the hour that
// comes twice; there, every wall time between them may count as now.
func wallTimes(now time.Time, zone *time.Location) (time.Time, time.Time) {
	shown := wallTime(now, zone)
	lowest, highest := shown, shown
	begin, end := now.In(zone).ZoneBounds()
	if !begin.IsZero() {
		if before := wallTime(begin.Add(-1), zone); before.After(highest) {
			highest = before
		}
	}
	if !end.IsZero() {
		if after := wallTime(end, zone); after.Before(lowest) {
			lowest = after
		}
	}
	return lowest, highest
}

// instants returns the first and the last instant at which the clock shows a time. For a time that it skips, both are the instant
// of the skip.
func instants(shown time.Time, zone *time.Location) (time.Time, time.Time) {
	guess := time.Date(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), shown.Second(), shown.Nanosecond(), zone)
	begin, end := guess.ZoneBounds()
	first, last := time.Time{}, time.Time{}
	for _, near := range []time.Time{begin.Add(-1), guess, end} {
		at := shown.Add(-wallTime(near, zone).Sub(near))
		if !wallTime(at, zone).Equal(shown) {
			continue
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if last.IsZero() || at.After(last) {
			last = at
		}
	}
	switch {
	case !first.IsZero():
		return first, last
	case skips(begin, shown, zone):
		return begin, begin
	default:
		return end, end
	}
}

// skips reports whether the clock, set forward at an instant, does not show a time.
func skips(at, shown time.Time, zone *time.Location) bool {
	return wallTime(at.Add(-1), zone).Before(shown) && wallTime(at, zone).After(shown)
}
