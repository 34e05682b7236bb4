package cron

import (
	"time"

	"github.com/robfig/cron/v3"
)

// A schedule is walked on the wall clock: its times are wall times in UTC's clothes, and each is mapped to an instant only
// then. So daylight saving costs no time its effect: one inside the missing hour comes when the hour is skipped, one
// inside the doubled hour comes once, the first time.

const (
	// slack is more than any zone's offset jumps.
	slack = 26 * time.Hour
	// farthest is how far apart two times of a schedule may lie: a leap day on a given weekday.
	farthest = 45 * 366 * 24 * time.Hour
)

// window is an open and a close, in a zone.
type window struct {
	start, end cron.Schedule
	zone       *time.Location
}

// open reports whether the window is open at now: whether it was opened last, or closed. An open and a close at the same
// wall time leave it open.
func (w window) open(now time.Time) bool {
	started, ok := w.last(w.start, now)
	if !ok {
		return false
	}
	ended, ok := w.last(w.end, now)
	return !ok || !started.Before(ended)
}

// next returns the next edge after now, and false when there is none.
func (w window) next(now time.Time) (time.Time, bool) {
	start, ok := w.first(w.start, now)
	if end, also := w.first(w.end, now); also && (!ok || end.Before(start)) {
		return end, true
	}
	return start, ok
}

// last returns the wall time of the newest time of s that has come at now.
func (w window) last(s cron.Schedule, now time.Time) (time.Time, bool) {
	upper := wall(now, w.zone).Add(slack)
	for span := time.Hour; span <= 2*farthest; span *= 4 {
		var found time.Time
		for t := s.Next(upper.Add(-slack - span)); !t.IsZero() && !instant(t, w.zone).After(now); t = s.Next(t) {
			found = t
		}
		if !found.IsZero() {
			return found, true
		}
	}
	return time.Time{}, false
}

// first returns the instant of the first time of s that comes after now.
func (w window) first(s cron.Schedule, now time.Time) (time.Time, bool) {
	t := s.Next(wall(now, w.zone).Add(-3 * time.Hour))
	for ; !t.IsZero(); t = s.Next(t) {
		if at := instant(t, w.zone); at.After(now) {
			return at, true
		}
	}
	return time.Time{}, false
}

// wall returns what a clock on the wall of the zone shows, in UTC's clothes.
func wall(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// instant maps a wall time to the instant at which it comes: for a time that comes twice the first, for one that is
// skipped the instant of the skip.
func instant(wallTime time.Time, zone *time.Location) time.Time {
	before, after := offset(wallTime.Add(-slack), zone), offset(wallTime.Add(slack), zone)
	early, late := wallTime.Add(-max(before, after)), wallTime.Add(-min(before, after))
	switch {
	case offset(early, zone) == max(before, after):
		return early
	case offset(late, zone) == min(before, after):
		return late
	}
	// Skipped: find the second at which the offset changes.
	for late.Sub(early) > time.Second {
		middle := early.Add(late.Sub(early) / 2).Truncate(time.Second)
		if offset(middle, zone) == offset(early, zone) {
			early = middle
		} else {
			late = middle
		}
	}
	return late
}

func offset(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}
