package engine

import (
	"iter"

	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
)

// Turn is an instant at which something was due, and the state from then on.
type Turn struct {
	// At is when it begins; it lasts until Until, exclusive.
	At, Until scalers.Instant
	// FirstSeen, TimerFired, Arrived and Written are what was due: the first turn, the last decision's Next, a reading of each
	// trigger whose bit is set, another client's write.
	FirstSeen, TimerFired bool
	Arrived               uint32
	Written               bool
	// Decided is false when what was due required no decision.
	Decided bool
	// Events are the latest readings, in the order of the triggers.
	Events []scalers.Event
	// Decision is the latest one, and DecidedAt when it was taken. From is the count that it was taken from; its Replicas
	// were written at once and are the count now.
	Decision  *scalers.Decision
	DecidedAt scalers.Instant
	From      int32
	// Target is the state of the target after the turn.
	Target Target
}

// Changed reports whether the turn's decision changed the count.
func (t *Turn) Changed() bool { return t.Decided && t.From != t.Decision.Replicas }

// Turns runs the scenario until an instant, inclusive. The turn is the same one each time, with all that it points to: a caller that
// needs one for longer copies it.
func (s *Scenario) Turns(until scalers.Instant) iter.Seq[*Turn] {
	return func(yield func(*Turn) bool) {
		r := newRun(s)
		for at := s.Start; at <= until && at != scalers.Never; at = r.turn.Until {
			r.advance(at)
			if !yield(&r.turn) {
				return
			}
		}
	}
}

// run is a scenario that is running.
type run struct {
	scenario *Scenario
	state    *loop.State
	replicas replicas
	// writes are those that are still to come.
	writes []Write
	// due is when each feed may have a reading.
	due []scalers.Instant
	// in are the inputs of the next step. observed is the target in the state.
	in       loop.Inputs
	observed Target
	turn     Turn
}

func newRun(s *Scenario) *run {
	n := len(s.Policy.Triggers)
	r := &run{
		scenario: s, replicas: newReplicas(s.Replicas, s.StartupDelay), writes: s.Writes,
		state: loop.New(loop.Options{Policy: s.Policy, Triggers: n, Memory: s.Memory.Clone()}),
		due:   make([]scalers.Instant, n), in: loop.Inputs{Readings: make([]scalers.Event, n), MayWrite: true},
	}
	for i := range r.due {
		r.due[i] = scalers.Never
		if i < len(s.Feeds) && s.Feeds[i] != nil {
			r.due[i] = s.Start
		}
	}
	r.turn.Events, r.turn.Decision = r.state.Readings(), r.state.Decision()
	return r
}

// advance runs the turn of an instant: it applies all that is due, and carries out the write that the loop returns.
func (r *run) advance(at scalers.Instant) {
	t := &r.turn
	t.At, t.Arrived = at, 0
	t.FirstSeen = at == r.scenario.Start
	t.TimerFired = !t.FirstSeen && at >= t.Decision.Next
	t.Written = r.writeForeign(at)
	target := r.target(at)
	for i := range r.due {
		if r.due[i] <= at {
			r.read(i, at, target)
			r.due[i] = r.scenario.Feeds[i].Next(at)
		}
	}
	r.in.Arrived = t.Arrived
	if r.in.Observed = t.FirstSeen || target != r.observed; r.in.Observed {
		r.observed = target
		r.in.Observation.Scale.Replicas, r.in.Observation.Ready = target.Current, target.Ready
	}
	out := r.state.Step(&r.in, at)
	if t.Decided = out.Decided; t.Decided {
		t.DecidedAt, t.From = at, r.state.From()
	}
	for out.Write != nil {
		r.replicas.scale(at, out.Write.To)
		r.observed.Current = out.Write.To
		succeeded := out.Write.Succeeded()
		out = r.state.Step(&succeeded, at)
	}
	t.Target = r.target(at)
	t.Until = r.next(out.WakeAt)
}

// writeForeign applies the writes of others that are due, and reports whether there was one.
func (r *run) writeForeign(at scalers.Instant) bool {
	written := false
	for len(r.writes) > 0 && r.writes[0].At <= at {
		r.replicas.scale(at, r.writes[0].To)
		r.writes, written = r.writes[1:], true
	}
	return written
}

// read reads feed i. A level that holds until it is replaced is a new reading only when it has changed.
func (r *run) read(i int, at scalers.Instant, target Target) {
	e, ok := r.scenario.Feeds[i].Read(at, target)
	if !ok || r.scenario.Policy.Triggers[i].Continuous && same(&r.turn.Events[i], &e) {
		return
	}
	e.At = at
	r.in.Readings[i] = e
	r.turn.Arrived |= 1 << i
}

// same reports whether two readings have the same level.
func same(old, e *scalers.Event) bool {
	switch {
	case old.At == 0 || old.Value != e.Value || (old.Err == nil) != (e.Err == nil):
		return false
	default:
		return e.Err == nil || old.Err.Error() == e.Err.Error()
	}
}

// target is the state of the target at an instant.
func (r *run) target(at scalers.Instant) Target {
	t := Target{Current: r.replicas.current(), Ready: r.replicas.ready(at)}
	if r.scenario.Ready != nil {
		if n, ok := r.scenario.Ready(at); ok {
			t.Ready = n
		}
	}
	return t
}

// next returns the next instant at which something is due, after the loop's own.
func (r *run) next(wakeAt scalers.Instant) scalers.Instant {
	next := wakeAt
	for _, due := range r.due {
		next = min(next, due)
	}
	if len(r.writes) > 0 {
		next = min(next, r.writes[0].At)
	}
	return next
}
