package status

import "time"

const (
	// shortestSettling is the time for which a value that may vary must stay the same before its change is written.
	shortestSettling = 5 * time.Minute
	// longestSettling bounds that time for a value that keeps changing.
	longestSettling = time.Hour
	// settlingGrowth is the factor by which the time grows with each change that is written, while they follow each other.
	settlingGrowth = 4
)

// settling decides when the change of a value is written that may vary with each reading: the rule that limits a count, or the text of an
// error. A change after which the value stays the same is written in any case: at once, if the value had not changed for the settling
// time, and otherwise once it has been the same for that time. A value that varies faster is therefore not written, and one that varies
// more slowly is written at ever longer intervals, up to longestSettling. The zero settling writes the first change at once.
type settling struct {
	// changedAt is when the value last changed.
	changedAt time.Time
	// writtenAt is when a change was last written, and time is the settling time since then; 0 means shortestSettling.
	writtenAt time.Time
	time      time.Duration
}

// remaining returns how long the value must still stay the same; 0 or less if it has settled.
func (s *settling) remaining(now time.Time) time.Duration {
	return max(s.time, shortestSettling) - now.Sub(s.changedAt)
}

// settled reports whether the value has been the same for the settling time.
func (s *settling) settled(now time.Time) bool { return s.remaining(now) <= 0 }

// changed notes that the value has changed.
func (s *settling) changed(now time.Time) { s.changedAt = now }

// written notes that a change is written. The settling time grows if there was another one recently, and otherwise begins again.
func (s *settling) written(now time.Time) {
	if now.Sub(s.writtenAt) < 2*longestSettling {
		s.time = min(settlingGrowth*max(s.time, shortestSettling), longestSettling)
	} else {
		s.time = shortestSettling
	}
	s.writtenAt = now
}

// writeNext has the next change written at once.
func (s *settling) writeNext() { s.changedAt = time.Time{} }

// errorTexts are the texts of errors in a status, as a hash of their identities. Whether a trigger is known, and whether the target can be scaled,
// are not among them: a change of those is written at once.
type errorTexts struct {
	settling

	hash uint64
}

// update sets the texts, and reports whether their difference from the reported ones causes a write of the status. settled is true if they
// had settled before.
func (t *errorTexts) update(hash, reported uint64, now time.Time) (due, settled bool) {
	settled = t.settled(now)
	if hash != t.hash {
		t.hash = hash
		t.changed(now)
	}
	return hash != reported && settled, settled
}
