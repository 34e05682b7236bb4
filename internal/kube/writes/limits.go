package writes

import (
	"slices"
	"time"
)

const (
	// calm is the time after a change of a limit in which no other one follows: its effect must show first.
	calm = 250 * time.Millisecond
	// longestHold bounds for how long the API server can hold up the classes that wait with one answer.
	longestHold = 30 * time.Second
	// attention is how long after the begin of the last write of a class slow answers still make less urgent classes give way to it.
	attention = time.Second
)

// limits decides which writes may begin, by additive increase and multiplicative decrease. Time is an argument of its methods.
//
// Invariants:
//   - A status or an Event begins only while no more urgent write is in flight or waits, unless it is in the share of its class. Records do
//     not give way to counts that are in flight, because senders wait for both.
//   - A limit shrinks only when all less urgent classes have given way, and grows only when all more urgent ones are whole.
//   - Slow answers shrink the limit of a class only for the sake of a more urgent one. Alone, a class goes on as fast as its limit allows:
//     that its own writes wait for each other delays nobody else. Records do not shrink for counts then: their senders would wait longer.
type limits struct {
	state   [classes]state
	changed time.Time
	// held is the time until which the API server asked for no more writes.
	held time.Time
}

// state is that of one class. limit is how many writes may be in flight: 0 if the class has given way.
type state struct {
	limit, inFlight, waiting int
	began                    time.Time
	latency                  latency
}

func newLimits() *limits {
	l := &limits{}
	for _, c := range waits {
		l.state[c].limit = bounds[c].most
	}
	return l
}

// admit reports whether a write of a class may begin while others are in flight in its namespace. Only those delay the share of the class: if
// they are not answered, those of other namespaces may be.
func (l *limits) admit(c Class, now time.Time, inNamespace int) bool {
	s := &l.state[c]
	if c == Counts || s.inFlight < s.limit && !now.Before(l.held) && !l.urgent(c) {
		return true
	}
	return inNamespace == 0 && now.Sub(s.began) >= bounds[c].gap
}

// urgent reports whether a write is in flight or waits to which a class gives way.
func (l *limits) urgent(c Class) bool {
	if c == Records {
		return false
	}
	for i := range c {
		if l.state[i].inFlight+l.state[i].waiting > 0 {
			return true
		}
	}
	return false
}

// begin notes that a write begins.
func (l *limits) begin(c Class, now time.Time) {
	l.state[c].inFlight++
	l.state[c].began = now
}

// end notes that a write has ended, which began at a time, and whether the API server pushed back: then it may ask for a pause.
func (l *limits) end(c Class, began, now time.Time, pushedBack bool, pause time.Duration) {
	s := &l.state[c]
	s.inFlight--
	if pushedBack {
		if until := now.Add(min(pause, longestHold)); until.After(l.held) {
			l.held = until
		}
	} else {
		s.latency.observe(now.Sub(began), now)
	}
	switch {
	case now.Sub(l.changed) < calm:
	case pushedBack:
		l.shrink(now)
	case s.latency.slow():
		if v, ok := l.leastUrgent(); ok && l.delays(v, now) {
			l.shrink(now)
		}
	default:
		l.grow(now)
	}
}

// abandon notes that a write has ended that shows nothing about the API server.
func (l *limits) abandon(c Class) { l.state[c].inFlight-- }

// shrink halves the limit of the least urgent class that has not given way yet.
func (l *limits) shrink(now time.Time) {
	if c, ok := l.leastUrgent(); ok {
		l.state[c].limit /= 2
		l.changed = now
	}
}

// leastUrgent returns the least urgent class that has not given way yet, if there is one.
func (l *limits) leastUrgent() (Class, bool) {
	for _, c := range slices.Backward(waits[:]) {
		if l.state[c].limit > 0 {
			return c, true
		}
	}
	return 0, false
}

// delays reports whether there are, or were a moment ago, writes to which a class gives way when answers are slow.
func (l *limits) delays(c Class, now time.Time) bool {
	if c == Records {
		return false
	}
	for i := range c {
		if s := &l.state[i]; s.inFlight+s.waiting > 0 || now.Sub(s.began) < attention {
			return true
		}
	}
	return false
}

// grow adds one to the limit of the most urgent class that is not whole.
func (l *limits) grow(now time.Time) {
	for _, c := range waits {
		if s := &l.state[c]; s.limit < bounds[c].most {
			s.limit++
			l.changed = now
			return
		}
	}
}
