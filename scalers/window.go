package scalers

import "time"

// applyStabilization holds the count between the lowest recommendation of the scale-up window and the highest of the
// scale-down window, each with the newest included. While every trigger is unknown there is no recommendation to hold to.
func applyStabilization(c *chain) {
	c.record()
	if c.blind {
		return
	}
	lo, hi := c.demand, c.demand
	if c.unknown {
		// What is known may raise; what is unknown keeps.
		lo, hi = max(lo, c.base), max(hi, c.base)
	}
	newest := lo
	for i := range c.memory.Records {
		r := &c.memory.Records[i]
		if r.within(c.in.Now, c.policy.Up.Window) {
			lo = min(lo, r.Low)
		}
		if r.within(c.in.Now, c.policy.Down.Window) {
			hi = max(hi, r.High)
		}
	}
	to := min(max(c.base, lo), hi)
	if to == newest {
		return
	}
	until := c.windowEnds(newest, to)
	c.wake(until)
	held := c.policy.Down.Window
	if to < newest {
		held = c.policy.Up.Window
	}
	c.step(RuleStabilization, to, until, millis(held), 0)
}

// windowEnds is the first instant at which a record that holds the number back leaves its window.
func (c *chain) windowEnds(newest, to int32) Instant {
	until := Never
	for i := range c.memory.Records {
		r := &c.memory.Records[i]
		if to > newest && r.High > newest && r.within(c.in.Now, c.policy.Down.Window) {
			until = min(until, r.To.Add(c.policy.Down.Window))
		}
		if to < newest && r.Low < newest && r.within(c.in.Now, c.policy.Up.Window) {
			until = min(until, r.To.Add(c.policy.Up.Window))
		}
	}
	return until
}

// within reports whether the record still counts in a window of w: it leaves at its end + w, exclusive.
func (r *Record) within(now Instant, w time.Duration) bool { return now < r.To.Add(w) }

// record remembers the recommendation of this instant when a reading has arrived: never at a wake-up of our own.
func (c *chain) record() {
	first := !c.memory.Seen
	if first {
		c.memory.Seen = true
		c.memory.add(c.policy, c.in.Now, Record{To: c.in.Now, Low: c.base, High: c.base})
	}
	switch {
	case c.unknown && (c.blind || c.demand <= c.base):
		// What was recommended last stands until something is known again.
		c.memory.stand()
	case c.arrived:
		r := Record{To: c.in.Now, Low: c.demand, High: c.demand}
		if c.continuous || c.unknown {
			r.To = Never
		}
		c.memory.end(c.in.Now)
		c.memory.add(c.policy, c.in.Now, r)
	}
}
