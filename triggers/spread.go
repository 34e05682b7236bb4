package triggers

import (
	"math"
	"time"
)

const (
	// burstPause is the shortest time without a new ring that ends a burst.
	burstPause = time.Second
	// unspread is the number of rings of a burst that are not spread: a user may have created as many with one command.
	unspread = 10
)

// spread chooses when the first groups of rings are read for the second time. A group is read again after its interval, as its user
// expects. Rings that begin closely after each other are a burst, such as those of many servers after a start: if all of them were read
// after their interval, they would be read together for ever. So a part of the interval is enough for them, another one for each.
type spread struct {
	// last is when the last ring began, and n the number of rings of its burst.
	last time.Time
	n    int
}

// second returns the time from the first reading of a ring that begins now to its second one: more than 0, and at most interval. The
// parts of a burst are multiples of the golden ratio modulo 1, which divide the interval evenly, however many there are.
func (s *spread) second(now time.Time, interval time.Duration) time.Duration {
	if now.Sub(s.last) >= burstPause {
		s.n = 0
	}
	s.last = now
	s.n++
	if s.n <= unspread {
		return interval
	}
	_, part := math.Modf(float64(s.n-unspread) / math.Phi)
	return 1 + time.Duration(part*float64(interval-1))
}
