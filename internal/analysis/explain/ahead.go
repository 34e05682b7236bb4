package explain

import (
	"time"

	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
)

const (
	// maxChanges bounds the changes that are looked for, horizon how far ahead, and maxDecisions the decisions on the way.
	maxChanges   = 5
	maxDecisions = 1000
	horizon      = 24 * time.Hour
)

// Change is a change of the count that comes by itself, or of the count that is wanted while nothing is written.
type Change struct {
	At   time.Time `json:"at"`
	From int32     `json:"from"`
	To   int32     `json:"to"`
	Why  string    `json:"why"`
}

// ahead runs the decision loop into the future from the decision d, which was taken from in. Schedules go on; every other level
// stays and is read in time. The target takes every count at once; with blocked, nothing is written.
func ahead(p *scalers.Policy, in scalers.Input, d *scalers.Decision, schedules Schedules, blocked bool) []Change {
	f := forecast{policy: p, state: loop.After(p, blocked, in, d), schedules: schedules}
	next := f.step(&loop.Inputs{}, in.Now)
	readings := make([]scalers.Event, len(in.Events))
	wanted := d.Replicas
	var changes []Change
	for range maxDecisions {
		if next > in.Now.Add(horizon) || next == scalers.Never || len(changes) == maxChanges {
			break
		}
		now := next
		copy(readings, f.state.Readings())
		reread(p, readings, now)
		schedules.read(readings, now)
		begin(readings, now)
		next = f.step(&loop.Inputs{Readings: readings, Arrived: read(readings), Stamped: true}, now)
		if to := f.state.Decision().Replicas; to != wanted {
			changes = append(changes, Change{At: now.Time(), From: wanted, To: to, Why: p.Why(f.state.Decision())})
			wanted = to
		}
	}
	return changes
}

// forecast is a decision loop that runs ahead of time.
type forecast struct {
	policy    *scalers.Policy
	state     *loop.State
	schedules Schedules
}

// step does one step, carries out the write that it returns, and returns when the next step is due.
func (f *forecast) step(in *loop.Inputs, now scalers.Instant) scalers.Instant {
	in.MayWrite = true
	out := f.state.Step(in, now)
	for out.Write != nil {
		succeeded := out.Write.Succeeded()
		out = f.state.Step(&succeeded, now)
	}
	readings := f.state.Readings()
	return min(out.WakeAt, f.schedules.next(now), nextForeseen(readings), nextFailure(f.policy, readings, f.state.Decision()))
}

// read returns a bit for each trigger that has been read.
func read(readings []scalers.Event) uint32 {
	var bits uint32
	for i := range readings {
		if readings[i].At != 0 {
			bits |= 1 << i
		}
	}
	return bits
}

// begin replaces the levels that have a foreseen level, once its time has come.
func begin(events []scalers.Event, now scalers.Instant) {
	for i := range events {
		if e := &events[i]; e.Foreseen != (scalers.Foreseen{}) && e.Foreseen.At <= now {
			e.At, e.Value, e.Foreseen = now, e.Foreseen.Value, scalers.Foreseen{}
		}
	}
}

// nextForeseen returns when the next foreseen level begins; scalers.Never when none is foreseen.
func nextForeseen(events []scalers.Event) scalers.Instant {
	next := scalers.Never
	for i := range events {
		if f := events[i].Foreseen; f != (scalers.Foreseen{}) {
			next = min(next, f.At)
		}
	}
	return next
}

// reread reads the sampled triggers again, with the same levels. Failures are counted by readings, so a failing trigger is read only
// at its interval, and not at every decision.
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

// nextFailure returns when the next failing trigger is read again that the fallback does not replace yet; scalers.Never when there is
// none.
func nextFailure(p *scalers.Policy, events []scalers.Event, d *scalers.Decision) scalers.Instant {
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

// interval is how often a failing trigger is read; 0 when the policy has no fallback.
func interval(p *scalers.Policy) time.Duration {
	if p.Fallback == nil {
		return 0
	}
	return p.Fallback.Interval
}
