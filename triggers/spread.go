package triggers

import (
	"math"
	"time"
)

const (
	// burstPause is the shortest time without a first reading that ends a burst.
	burstPause = time.Second
	// unspread is the number of groups of a burst that are not spread: a user may have created as many with one command.
	unspread = 10
)

// spread chooses when groups are read for the second time. A group is read again after its interval, as its user expects. Groups whose
// first readings follow each other closely are a burst, such as those of all objects after a start: if all of them were read after their
// interval, they would be read together for ever. So a part of the interval is enough for them, another one for each.
type spread struct {
	// last is the time of the last first reading, and n the number of groups of its burst.
	last time.Time
	n    int
}

// second returns the time from a group's first reading, which began at began, to its second one: more than 0, and at most interval. The
// parts of a burst are multiples of the golden ratio modulo 1, which divide the interval evenly, however many there are.
func (s *spread) second(began time.Time, interval time.Duration) time.Duration {
	if began.Sub(s.last) >= burstPause {
		s.n = 0
	}
	if began.After(s.last) { // Readings are reported in the order of their ends.
		s.last = began
	}
	s.n++
	if s.n <= unspread {
		return interval
	}
	_, part := math.Modf(float64(s.n-unspread) / math.Phi)
	return 1 + time.Duration(part*float64(interval-1))
}
