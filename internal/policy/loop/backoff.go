package loop

import (
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

const (
	// A target is contested when contestedWrites foreign writes come within contestedSpan.
	contestedSpan   = time.Minute
	contestedWrites = 3
	// The answers to a contested target back off from shortestAnswer to longestAnswer; a raise waits raiseAnswer at most.
	shortestAnswer, longestAnswer = time.Second, time.Minute
	raiseAnswer                   = 5 * time.Second
)

// conflictBackOff slows Impulse's answers to a target that another client writes to again and again. A target that is changed now and
// then is answered at once. Only foreign writes that a decision answers with another count are counted.
type conflictBackOff struct {
	// recent are the newest foreign writes, oldest first.
	recent [contestedWrites]scalers.Instant
	// level is 0 while the target is not contested, and then counts the foreign writes.
	level int
}

// foreignWrite counts a foreign write.
func (c *conflictBackOff) foreignWrite(now scalers.Instant) {
	c.expire(now)
	copy(c.recent[:], c.recent[1:])
	c.recent[contestedWrites-1] = now
	if c.level > 0 || (c.recent[0] != 0 && now.Sub(c.recent[0]) <= contestedSpan) {
		c.level++
	}
}

// delay is how long the answer to the last foreign write waits.
func (c *conflictBackOff) delay() time.Duration {
	if c.level == 0 {
		return 0
	}
	return backOff(shortestAnswer, longestAnswer, c.level)
}

// notBefore returns when the last foreign write may be answered.
func (c *conflictBackOff) notBefore(raise bool) scalers.Instant {
	d := c.delay()
	if raise {
		d = min(d, raiseAnswer)
	}
	return c.recent[contestedWrites-1].Add(d)
}

// endsAt returns when the target is no longer contested, if nobody else writes until then.
func (c *conflictBackOff) endsAt() scalers.Instant {
	return c.recent[contestedWrites-1].Add(max(2*c.delay(), contestedSpan))
}

// expire ends a back-off that is over.
func (c *conflictBackOff) expire(now scalers.Instant) {
	if c.level > 0 && now >= c.endsAt() {
		*c = conflictBackOff{}
	}
}

// backOff is first, doubled with each further time, and at most longest.
func backOff(first, longest time.Duration, times int) time.Duration {
	d := first
	for range times - 1 {
		if d *= 2; d >= longest {
			return longest
		}
	}
	return d
}
