package simulate

import (
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// cursor iterates over several counts at once, from one change of any of them to the next.
type cursor struct {
	counts [][]Step
	ends   scalers.Instant
	// from and length are the present part of time, at the counts in it; a count is 0 before its first step.
	from   scalers.Instant
	length time.Duration
	at     []int32
	until  scalers.Instant
}

func newCursor(start, end scalers.Instant, counts ...[]Step) *cursor {
	return &cursor{counts: counts, ends: end, at: make([]int32, len(counts)), until: start}
}

// next moves on to the next part; it returns false at the end.
func (c *cursor) next() bool {
	if c.until >= c.ends {
		return false
	}
	c.from, c.until = c.until, c.ends
	for i := range c.counts {
		for len(c.counts[i]) > 0 && c.counts[i][0].At <= c.from {
			c.at[i], c.counts[i] = c.counts[i][0].N, c.counts[i][1:]
		}
		if len(c.counts[i]) > 0 {
			c.until = min(c.until, c.counts[i][0].At)
		}
	}
	c.length = c.until.Sub(c.from)
	return true
}
