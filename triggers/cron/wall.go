package cron

import "time"

// reading is what a clock on the wall shows at an instant, written in UTC.
func reading(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// readings returns the lowest reading at now or later, and the highest at now or earlier. They are the same but around
// the hour that comes twice: there, everything between them may be said to be now.
func readings(now time.Time, zone *time.Location) (time.Time, time.Time) {
	shown := reading(now, zone)
	lowest, highest := shown, shown
	begin, end := now.In(zone).ZoneBounds()
	if !begin.IsZero() {
		if before := reading(begin.Add(-1), zone); before.After(highest) {
			highest = before
		}
	}
	if !end.IsZero() {
		if after := reading(end, zone); after.Before(lowest) {
			lowest = after
		}
	}
	return lowest, highest
}

// instants returns the first and the last instant at which the clock shows a time. For a time that it skips, both are
// the instant of the skip.
func instants(shown time.Time, zone *time.Location) (time.Time, time.Time) {
	guess := time.Date(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), shown.Second(), shown.Nanosecond(), zone)
	begin, end := guess.ZoneBounds()
	first, last := time.Time{}, time.Time{}
	for _, near := range []time.Time{begin.Add(-1), guess, end} {
		at := shown.Add(-reading(near, zone).Sub(near))
		if !reading(at, zone).Equal(shown) {
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
	return reading(at.Add(-1), zone).Before(shown) && reading(at, zone).After(shown)
}
