package loop

import (
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

const (
	// A target is contested when contestedWrites foreign writes come within contestedSpan.
	contestedSpan   = time.Minute
	contestedWrites = 3
	// The delay of a write to a contested target doubles from firstDelay to longestDelay; a raise is delayed by longestRaiseDelay at most.
	firstDelay, longestDelay = time.Second, time.Minute
	longestRaiseDelay        = 5 * time.Second
)

// contestedBackOff slows Impulse's writes to a target that another client writes to again and again. A target that is changed now and then is
// corrected at once. Only foreign writes after which a decision asks for another count are counted.
type contestedBackOff struct {
	// recent are the newest foreign writes, oldest first.
	recent [contestedWrites]scalers.Instant
	// delays is 0 while the target is not contested, 1 after the foreign write that makes it contested, and one more after each further one.
	delays int
}

// foreignWrite counts a foreign write.
func (c *contestedBackOff) foreignWrite(now scalers.Instant) {
	c.expire(now)
	copy(c.recent[:], c.recent[1:])
	c.recent[contestedWrites-1] = now
	if c.delays > 0 || (c.recent[0] != 0 && now.Sub(c.recent[0]) <= contestedSpan) {
		c.delays++
	}
}

// delay is how long the write that corrects the last foreign write waits.
func (c *contestedBackOff) delay() time.Duration {
	if c.delays == 0 {
		return 0
	}
	return backOff(firstDelay, longestDelay, c.delays)
}

// notBefore returns when the last foreign write may be corrected.
func (c *contestedBackOff) notBefore(raise bool) scalers.Instant {
	d := c.delay()
	if raise {
		d = min(d, longestRaiseDelay)
	}
	return c.recent[contestedWrites-1].Add(d)
}

// endsAt returns when the target is no longer contested, if nobody else writes until then.
func (c *contestedBackOff) endsAt() scalers.Instant {
	return c.recent[contestedWrites-1].Add(max(2*c.delay(), contestedSpan))
}

// expire ends a back-off that is over.
func (c *contestedBackOff) expire(now scalers.Instant) {
	if c.delays > 0 && now >= c.endsAt() {
		*c = contestedBackOff{}
	}
}

// backOff returns the delay before attempt n, from 1: first, doubled for each attempt after the first, and at most longest.
func backOff(first, longest time.Duration, n int) time.Duration {
	d := first
	for range n - 1 {
		if d *= 2; d >= longest {
			return longest
		}
	}
	return d
}
