package cron

import "time"

// window is open from a start to the next end. By the wall clock it is open when the newest start is not older than the newest end.
// When both are the same time, it is open. When the clock changes for daylight-saving time, the case with more replicas
// applies: a window lasts from the first
// instant that shows its start to the last that shows its end.
//
// A window has no state, so a process that starts within a window has the right level.
type window struct {
	start, end schedule
	zone       *time.Location
}

// open reports whether a window is open at now.
func (w window) open(now time.Time) bool {
	lowest, highest := wallTimes(now, w.zone)
	return w.openOnWall(lowest) || w.startsWithin(lowest, highest)
}

// at returns open at now, and the first instant after now at which it changes; zero when there is none.
func (w window) at(now time.Time) (bool, time.Time) {
	lowest, highest := wallTimes(now, w.zone)
	switch {
	case w.openOnWall(lowest):
		return true, w.closing(lowest)
	case w.startsWithin(lowest, highest):
		return true, w.closing(w.start.next(lowest))
	default:
		return false, w.opening(highest)
	}
}

// openOnWall reports whether a window is open by the wall clock.
func (w window) openOnWall(wall time.Time) bool {
	started, ok := w.start.last(wall)
	if !ok {
		return false
	}
	ended, ok := w.end.last(wall)
	return !ok || !started.Before(ended)
}

// startsWithin reports whether a window starts after one wall time and not after another.
func (w window) startsWithin(after, until time.Time) bool {
	s := w.start.next(after)
	return !s.IsZero() && !s.After(until)
}

// opening returns when the next window that starts after a wall time opens; zero when there is none. A window all of whose times are
// skipped never opens.
func (w window) opening(wall time.Time) time.Time {
	for range maxTimes {
		wall = w.start.next(wall)
		if wall.IsZero() {
			break
		}
		first, _ := instants(wall, w.zone)
		if skipped := !wallTime(first, w.zone).Equal(wall); !skipped || w.open(first) {
			return first
		}
	}
	return time.Time{}
}

// closing returns when the window that is open at a wall time closes, and with it all windows that open before that; zero when it
// never does.
func (w window) closing(wall time.Time) time.Time {
	for {
		e, ok := w.endAfter(wall)
		if !ok {
			return time.Time{}
		}
		_, closed := instants(e, w.zone)
		again := w.start.next(e)
		if opened, _ := instants(again, w.zone); again.IsZero() || opened.After(closed) {
			return closed
		}
		wall = again
	}
}

// endAfter returns the first end after a wall time that is not also a start.
func (w window) endAfter(wall time.Time) (time.Time, bool) {
	last := wall.Add(maxGap)
	for range maxTimes {
		wall = w.end.next(wall)
		if wall.IsZero() || wall.After(last) {
			break
		}
		if !w.start.at(wall) {
			return wall, true
		}
	}
	return time.Time{}, false
}

// closes reports whether the window ever closes.
func (w window) closes() bool {
	_, ok := w.endAfter(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	return ok
}
