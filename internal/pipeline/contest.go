package pipeline

import (
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

const (
	// contestCount foreign writes within contestWindow make a target contested.
	contestCount  = 3
	contestWindow = time.Minute
	// Answers to a contested target back off from shortestAnswer to longestAnswer; a raise keeps one try per raiseAnswer.
	shortestAnswer = time.Second
	longestAnswer  = time.Minute
	raiseAnswer    = 5 * time.Second
)

// contest remembers who else writes to the target.
type contest struct {
	// recent holds the newest foreign writes, oldest first.
	recent [contestCount]scalers.Instant
	delay  time.Duration
}

// foreign takes note of somebody else's write.
func (c *contest) foreign(now scalers.Instant) {
	copy(c.recent[:], c.recent[1:])
	c.recent[contestCount-1] = now
	if !c.contested(now) {
		c.delay = 0
		return
	}
	c.delay = min(max(2*c.delay, shortestAnswer), longestAnswer)
}

// contested reports whether somebody else keeps writing to the target.
func (c *contest) contested(now scalers.Instant) bool {
	return c.recent[0] != 0 && now.Sub(c.recent[0]) < contestWindow+c.delay
}

// answerAt is the instant from which the newest foreign write may be answered.
func (c *contest) answerAt(raise bool) scalers.Instant {
	delay := c.delay
	if raise {
		delay = min(delay, raiseAnswer)
	}
	return c.recent[contestCount-1].Add(delay)
}
