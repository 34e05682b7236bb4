package autoscaler

import (
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

const (
	// contestSpan is the time in which contestWrites foreign writes make a target contested.
	contestSpan   = time.Minute
	contestWrites = 3
	// The answers to a contested target back off from shortestAnswer to longestAnswer; a raise is tried each raiseAnswer.
	shortestAnswer, longestAnswer = time.Second, time.Minute
	raiseAnswer                   = 5 * time.Second
)

// contest tells a target that somebody else keeps writing to from one that was changed by hand now and then. Only
// changes that a decision answers count: it takes two to fight.
type contest struct {
	// recent are the newest foreign writes, oldest first.
	recent [contestWrites]scalers.Instant
	// level is 0 while the target is not contested, and then counts the foreign writes.
	level int
}

// written counts a foreign write.
func (c *contest) written(now scalers.Instant) {
	c.expire(now)
	copy(c.recent[:], c.recent[1:])
	c.recent[contestWrites-1] = now
	if c.level > 0 || (c.recent[0] != 0 && now.Sub(c.recent[0]) <= contestSpan) {
		c.level++
	}
}

// delay is how long the answer to the last foreign write waits.
func (c *contest) delay() time.Duration {
	if c.level == 0 {
		return 0
	}
	return backoff(shortestAnswer, longestAnswer, c.level)
}

// notBefore is when the last foreign write may be answered.
func (c *contest) notBefore(raise bool) scalers.Instant {
	d := c.delay()
	if raise {
		d = min(d, raiseAnswer)
	}
	return c.recent[contestWrites-1].Add(d)
}

// calm is when the contest is over, if nobody else writes until then.
func (c *contest) calm() scalers.Instant {
	return c.recent[contestWrites-1].Add(max(2*c.delay(), contestSpan))
}

// expire ends a contest that is over.
func (c *contest) expire(now scalers.Instant) {
	if c.level > 0 && now >= c.calm() {
		*c = contest{}
	}
}

// backoff is first, doubled with each further time, and at most longest.
func backoff(first, longest time.Duration, times int) time.Duration {
	d := first
	for range times - 1 {
		if d *= 2; d >= longest {
			return longest
		}
	}
	return d
}
