package events

import "time"

const (
	// seriesInterval is the minimum time between two Events about one object with one reason.
	seriesInterval = time.Minute
	// seriesEnd is the time after which an equal Event is a new one, and does not count in the one before. It is shorter than the hour for
	// which an API server stores Events.
	seriesEnd = 10 * time.Minute
	// combined is the beginning of a note that stands for several, as Kubernetes' own components write it.
	combined = "(combined from similar events): "
)

// occurrence is an Event that stands for one or more that have happened.
type occurrence struct {
	// name is the name of the object in the API; "" until it has one.
	name        string
	note        string
	count       int32
	first, last time.Time
	// mixed is true if the notes differ. note is then the newest one.
	mixed bool
}

// text returns the note to write.
func (o *occurrence) text() string {
	if o.mixed {
		return combined + o.note
	}
	return o.note
}

// add counts another Event.
func (o *occurrence) add(note string, now time.Time) {
	o.mixed = o.mixed || note != o.note
	o.note, o.last, o.count = note, now, o.count+1
}

// series merges the Events about one object with one reason. The first one is written at once; those of the next minute are written
// together, as one Event with their number. Equal ones are counted in the Event that exists.
type series struct {
	// written is the newest Event in the API, and writtenAt the time of the last attempt to write one.
	written   *occurrence
	writtenAt time.Time
	// waiting are the Events since; nil: none.
	waiting *occurrence
}

// add adds an Event, and returns how long it must wait. begins is false if another one waits already.
func (s *series) add(note string, now time.Time) (wait time.Duration, begins bool) {
	if s.waiting != nil {
		s.waiting.add(note, now)
		return 0, false
	}
	s.waiting = &occurrence{note: note, count: 1, first: now, last: now}
	return max(0, s.writtenAt.Add(seriesInterval).Sub(now)), true
}

// pop returns the Events that wait, and the Event to write for them; nil if there are none.
func (s *series) pop(now time.Time) (waiting, write *occurrence) {
	waiting = s.waiting
	if waiting == nil {
		return nil, nil
	}
	s.waiting, s.writtenAt = nil, now
	one := *waiting
	if w := s.written; w != nil && !w.mixed && !one.mixed && w.note == one.note && one.first.Sub(w.last) < seriesEnd {
		one.name, one.first, one.count = w.name, w.first, w.count+one.count
	}
	return waiting, &one
}

// restore has Events that were not written wait again, with those since.
func (s *series) restore(waiting *occurrence) {
	if since := s.waiting; since != nil {
		waiting.mixed = waiting.mixed || since.mixed || since.note != waiting.note
		waiting.note, waiting.last, waiting.count = since.note, since.last, waiting.count+since.count
	}
	s.waiting = waiting
}

// ended reports whether nothing of a series is needed any more.
func (s *series) ended(now time.Time) bool {
	return s.waiting == nil && now.Sub(s.writtenAt) > seriesEnd
}
