package explain

import (
	"slices"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

const (
	// changesAhead bounds what is looked for, horizon how far, and wakesAhead how often the core is asked on the way.
	changesAhead = 5
	wakesAhead   = 1000
	horizon      = 24 * time.Hour
)

// Change is a change of the count that comes by itself, or of the count that is wanted while nothing is written.
type Change struct {
	At   time.Time `json:"at"`
	From int32     `json:"from"`
	To   int32     `json:"to"`
	Why  string    `json:"why"`
}

// ahead lets time pass from a decision on, as long as something changes: schedules go on, every other level stays what it is
// and is read in time; what is decided is written at once, or never when that is blocked. in is what the decision d was taken
// from.
func ahead(p *scalers.Policy, in scalers.Input, d *scalers.Decision, schedules Schedules, blocked bool) []Change {
	memory, current, wanted, now := d.Memory.Clone(), in.Current, d.Replicas, in.Now
	events := slices.Clone(in.Events)
	next := min(d.Next, schedules.next(now), beginsNext(events), failsNext(p, events, d))
	var changes []Change
	for range wakesAhead {
		if next > in.Now.Add(horizon) || next == scalers.Never || len(changes) == changesAhead {
			break
		}
		if !blocked && wanted != current {
			memory, current = memory.Scaled(p, now, current, wanted), wanted
		}
		now = next
		reread(p, events, now)
		schedules.read(events, now)
		begin(events, now)
		decision := scalers.Decide(p, scalers.Input{Now: now, Current: current, Events: events, Memory: memory})
		memory, next = decision.Memory, min(decision.Next, schedules.next(now), beginsNext(events), failsNext(p, events, &decision))
		if decision.Replicas != wanted {
			changes = append(changes, Change{At: now.Time(), From: wanted, To: decision.Replicas, Why: p.Why(&decision)})
			wanted = decision.Replicas
		}
	}
	return changes
}

// begin lets the levels that are foreseen be there, where their time has come.
func begin(events []scalers.Event, now scalers.Instant) {
	for i := range events {
		if e := &events[i]; e.Foreseen != (scalers.Foreseen{}) && e.Foreseen.At <= now {
			e.At, e.Value, e.Foreseen = now, e.Foreseen.Value, scalers.Foreseen{}
		}
	}
}

// beginsNext is when the next of the levels that are foreseen is there; scalers.Never when none is.
func beginsNext(events []scalers.Event) scalers.Instant {
	next := scalers.Never
	for i := range events {
		if f := events[i].Foreseen; f != (scalers.Foreseen{}) {
			next = min(next, f.At)
		}
	}
	return next
}

// reread reads the sampled levels anew, and finds what they were. What fails is counted by its readings, so it is read when it
// would be, and not whenever the core is asked.
func reread(p *scalers.Policy, events []scalers.Event, now scalers.Instant) {
	for i := range events {
		e := &events[i]
		switch {
		case e.At == 0 || p.Triggers[i].Continuous:
		case fails(p, e):
			e.At = now.Add(-(now.Sub(e.At) % interval(p)))
		default:
			e.At = now
		}
	}
}

// failsNext is when the next of the sampled triggers that fail is read again, while the fallback does not speak for it yet;
// scalers.Never when there is none.
func failsNext(p *scalers.Policy, events []scalers.Event, d *scalers.Decision) scalers.Instant {
	next := scalers.Never
	for i := range events {
		e := &events[i]
		if t := &p.Triggers[i]; e.At != 0 && fails(p, e) && !t.Continuous && !t.Cap && !d.Proposals()[i].Fallback {
			next = min(next, e.At.Add(interval(p)))
		}
	}
	return next
}

// fails reports whether the fallback counts a reading as failed.
func fails(p *scalers.Policy, e *scalers.Event) bool {
	return interval(p) > 0 && (e.Err != nil && !e.AtLeast || e.Value < 0)
}

// interval is how often what fails is read; 0 when that does not matter.
func interval(p *scalers.Policy) time.Duration {
	if p.Fallback == nil {
		return 0
	}
	return p.Fallback.Interval
}
