package engine

import (
	"iter"

	"github.com/impulse-sh/impulse/scalers"
)

// Turn is an instant at which something was due, and how things are from then on.
type Turn struct {
	// At is when it begins; it holds until Until, exclusive.
	At, Until scalers.Instant
	// Met, Woken, Arrived and Written are what was due: the workload was met, the last decision's Next, a reading of each
	// trigger whose bit is set, somebody else's write.
	Met, Woken bool
	Arrived    uint32
	Written    bool
	// Decided is false when what was due called for no decision.
	Decided bool
	// Events are the latest readings, in the order of the triggers.
	Events []scalers.Event
	// Decision is the latest one, and DecidedAt when it was taken. From is the count that it was taken from; its Replicas
	// were written at once and are the count now.
	Decision  *scalers.Decision
	DecidedAt scalers.Instant
	From      int32
	// Target is as it is after the turn.
	Target Target
}

// Changed reports whether the turn's decision changed the count.
func (t *Turn) Changed() bool { return t.Decided && t.From != t.Decision.Replicas }

// Turns lives through the world until an instant, that one included. The turn is the same one each time, with what it points
// to: who wants to keep it copies it.
func (w *World) Turns(until scalers.Instant) iter.Seq[*Turn] {
	return func(yield func(*Turn) bool) {
		l := newLife(w)
		for at := w.Start; at <= until && at != scalers.Never; at = l.turn.Until {
			l.live(at)
			if !yield(&l.turn) {
				return
			}
		}
	}
}

// life is a world on its way.
type life struct {
	world    *World
	replicas replicas
	writes   []Write
	// due is when each feed may have something to read.
	due      []scalers.Instant
	events   []scalers.Event
	memory   scalers.Memory
	decision scalers.Decision
	turn     Turn
}

func newLife(w *World) *life {
	n := len(w.Policy.Triggers)
	l := &life{
		world: w, replicas: newReplicas(w.Replicas, w.StartupDelay), writes: w.Writes, memory: w.Memory.Clone(),
		due: make([]scalers.Instant, n), events: make([]scalers.Event, n),
	}
	for i := range l.due {
		l.due[i] = scalers.Never
		if i < len(w.Feeds) && w.Feeds[i] != nil {
			l.due[i] = w.Start
		}
	}
	l.turn.Events, l.turn.Decision = l.events, &l.decision
	return l
}

// live applies all that is due at an instant, and then decides, if that calls for it.
func (l *life) live(at scalers.Instant) {
	t := &l.turn
	t.At, t.Arrived, t.Written, t.Decided = at, 0, false, false
	t.Met = at == l.world.Start
	t.Woken = !t.Met && at >= l.decision.Next
	called := l.write(at)
	for i := range l.due {
		if l.due[i] <= at {
			l.read(i, at)
			l.due[i] = l.world.Feeds[i].Next(at)
		}
	}
	if called || t.Met || t.Woken || t.Arrived != 0 {
		l.decide(at)
	}
	t.Target = l.target(at)
	t.Until = l.next()
}

// write applies other people's writes, and reports whether they changed the count.
func (l *life) write(at scalers.Instant) bool {
	before := l.replicas.current()
	for len(l.writes) > 0 && l.writes[0].At <= at {
		l.replicas.scale(at, l.writes[0].To)
		l.writes, l.turn.Written = l.writes[1:], true
	}
	return l.replicas.current() != before
}

// read takes in what a feed says, stamped with what it was true of. A level that stands is news only when it is another.
func (l *life) read(i int, at scalers.Instant) {
	target := l.target(at)
	e, ok := l.world.Feeds[i].Read(at, target)
	if !ok || l.world.Policy.Triggers[i].Continuous && same(&l.events[i], &e) {
		return
	}
	e.Trigger, e.At, e.Current, e.Ready = l.world.Policy.Triggers[i].Name, at, target.Current, target.Ready
	l.events[i] = e
	l.turn.Arrived |= 1 << i
}

// same reports whether a level was said already.
func same(old, e *scalers.Event) bool {
	switch {
	case old.At == 0 || old.Value != e.Value || (old.Err == nil) != (e.Err == nil):
		return false
	default:
		return e.Err == nil || old.Err.Error() == e.Err.Error()
	}
}

// target is what is true of the target at an instant.
func (l *life) target(at scalers.Instant) Target {
	t := Target{Current: l.replicas.current(), Ready: l.replicas.ready(at)}
	if l.world.Ready != nil {
		if n, ok := l.world.Ready(at); ok {
			t.Ready = n
		}
	}
	return t
}

// decide asks the core and writes its answer.
func (l *life) decide(at scalers.Instant) {
	p, t := l.world.Policy, &l.turn
	t.From, t.Decided, t.DecidedAt = l.replicas.current(), true, at
	l.decision = scalers.Decide(p, scalers.Input{Now: at, Current: t.From, Events: l.events, Memory: l.memory})
	l.memory = l.decision.Memory
	if to := l.decision.Replicas; to != t.From {
		l.memory = l.memory.Scaled(p, at, t.From, to)
		l.replicas.scale(at, to)
	}
}

// next is the next instant at which something is due.
func (l *life) next() scalers.Instant {
	next := l.decision.Next
	for _, due := range l.due {
		next = min(next, due)
	}
	if len(l.writes) > 0 {
		next = min(next, l.writes[0].At)
	}
	return next
}
