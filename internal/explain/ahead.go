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

// Change is a change of the count that comes by itself.
type Change struct {
	At   time.Time `json:"at"`
	From int32     `json:"from"`
	To   int32     `json:"to"`
	Why  string    `json:"why"`
}

// ahead lets time pass from a decision on, as long as something changes: schedules go on, every other level stays what it is
// and is read in time, what is decided is written at once. in is what the decision d was taken from.
func ahead(p *scalers.Policy, in scalers.Input, d *scalers.Decision, schedules Schedules) []Change {
	memory, current, now := d.Memory.Clone(), in.Current, in.Now
	next := min(d.Next, schedules.next(now))
	if d.Replicas != current {
		memory, current = memory.Scaled(p, now, current, d.Replicas), d.Replicas
	}
	events := slices.Clone(in.Events)
	var changes []Change
	for range wakesAhead {
		if next > in.Now.Add(horizon) || next == scalers.Never || len(changes) == changesAhead {
			break
		}
		now = next
		reread(p, events, now)
		schedules.read(events, now)
		decision := scalers.Decide(p, scalers.Input{Now: now, Current: current, Events: events, Memory: memory})
		memory, next = decision.Memory, min(decision.Next, schedules.next(now))
		if decision.Replicas != current {
			changes = append(changes, Change{At: now.Time(), From: current, To: decision.Replicas, Why: p.Why(&decision)})
			memory, current = memory.Scaled(p, now, current, decision.Replicas), decision.Replicas
		}
	}
	return changes
}

// reread reads the sampled levels anew, and finds what they were.
func reread(p *scalers.Policy, events []scalers.Event, now scalers.Instant) {
	for i := range events {
		if events[i].At != 0 && !p.Triggers[i].Continuous {
			events[i].At = now
		}
	}
}
