package scalers

import "time"

// Paused is a user's pause. The zero value is none.
type Paused struct {
	// Fixed sets the count to exactly At, which is 0 or more. Limits do not apply.
	Fixed bool
	At    int32
	// All forbids every change, In forbids lowering, and Out forbids raising the count.
	All, In, Out bool
	// Until is the first instant at which the pause no longer applies; 0: it has no end.
	Until Instant
	// Reason is the user's reason for the pause, in one line; it may be empty. It does not affect the decision.
	Reason string
}

// Effective returns the pause that applies at an instant: none once p has ended.
func (p Paused) Effective(now Instant) Paused {
	if p.Until != 0 && now >= p.Until {
		return Paused{}
	}
	return p
}

// Terms returns the end and the reason of the pause as the end of a sentence, such as " until 2026-03-01 12:00:00Z: node drain"; ""
// without both.
func (p Paused) Terms() string {
	var terms string
	if p.Until != 0 {
		terms = " until " + ceilMillisecond(p.Until).Format("2006-01-02 15:04:05.999") + "Z"
	}
	if p.Reason != "" {
		terms += ": " + p.Reason
	}
	return terms
}

// applyPaused applies the user's pause, which overrides every other rule: an exact count, no change, or no change in one
// direction. The next decision is taken at its end at the latest, whether or not the pause changes this one.
func (c *chain) applyPaused() {
	paused, current := c.policy.Paused.Effective(c.now), c.count.current
	end := Never
	if paused.Until != 0 {
		end = paused.Until
	}
	switch {
	case paused.Fixed:
		c.step(Step{Rule: RulePaused, To: max(paused.At, 0), Until: end})
		c.wakeOnlyForReadings()
	case paused.All:
		c.step(Step{Rule: RulePaused, To: current, Until: end})
		c.wakeOnlyForReadings()
	case paused.In && c.count.value < current, paused.Out && c.count.value > current:
		c.step(Step{Rule: RulePaused, To: current, Until: end})
	}
	c.wakeAt(end)
}

// ceilMillisecond returns an instant as a time in UTC, rounded up to the millisecond.
func ceilMillisecond(t Instant) time.Time {
	return t.Time().Add(time.Millisecond - 1).Truncate(time.Millisecond)
}
