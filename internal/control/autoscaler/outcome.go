package autoscaler

import (
	"slices"
	"sync"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
)

// Outcome is the state of a workload after a call of loop.Step. What it points to belongs to the autoscaler: a Reporter reads it before it
// returns, and retains nothing.
type Outcome struct {
	Workload *compile.Workload
	At       scalers.Instant
	// Events are the latest readings, in the order of the triggers; that of a trigger that has not been read has no At. Arrived has a bit
	// for each reading that this call received.
	Events  []scalers.Event
	Arrived uint32
	// Target is the target as far as it is known; TargetKnown is false while its count is not.
	Target      actuator.Observation
	TargetKnown bool
	// Decision has no meaning while Decided is false. Fresh is true if the decision was taken in this call; From is the count that it
	// started from. DecidedAt is when the decision was taken.
	Decision  *scalers.Decision
	Decided   bool
	Fresh     bool
	DecidedAt scalers.Instant
	From      int32
	Memory    *scalers.Memory
	// Writing is true while a write is in flight.
	Writing bool
	// Write is the write that ended with this call; nil means none.
	Write *loop.EndedWrite
	// WriteErr is why the last write failed, until one succeeds or the target has the decided count.
	WriteErr error
	// Contested is true while another client keeps changing the count, so that Impulse writes with increasing delays.
	Contested bool
}

// Clone returns a copy that stays valid, without Write and Arrived.
func (o *Outcome) Clone() *Outcome {
	c, decision, memory := *o, *o.Decision, o.Memory.Clone()
	decision.Memory = scalers.Memory{} // It is Memory, without the writes since.
	c.Events, c.Decision, c.Memory = slices.Clone(o.Events), &decision, &memory
	c.Write, c.Arrived = nil, 0
	return &c
}

// outcomes are those that no autoscaler uses now: only a few report at the same time.
var outcomes = sync.Pool{New: func() any { return &Outcome{} }}

// report passes the outcome of a call of loop.Step to the reporter. arrived has a bit for each reading that the call received.
func (a *Autoscaler) report(out loop.Output, now scalers.Instant, arrived uint32) {
	o, _ := outcomes.Get().(*Outcome)
	a.describe(o, now)
	o.Arrived, o.Fresh, o.Write = arrived, out.Decided, out.Ended
	a.options.Reporter.Decided(o)
	*o = Outcome{}
	outcomes.Put(o)
}

// describe sets what an outcome says about the present state. A caller in another goroutine than that of Run must hold mu.
func (a *Autoscaler) describe(o *Outcome, now scalers.Instant) {
	s := a.state
	o.Workload, o.At, o.Events, o.Memory = a.workload, now, s.Readings(), s.Memory()
	o.Target, o.TargetKnown = s.Target(), s.TargetKnown()
	o.Decision, o.Decided, o.DecidedAt, o.From = s.Decision(), s.Decided(), s.DecidedAt(), s.From()
	o.Writing, o.WriteErr, o.Contested = s.Writing(), s.WriteErr(), s.Contested()
}

// Inspect calls read with the present outcome, unless Run has not begun. It may be called from any goroutine. The workload waits until
// read returns, so read must be short; it retains nothing.
func (a *Autoscaler) Inspect(read func(o *Outcome)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state == nil {
		return
	}
	var o Outcome
	a.describe(&o, a.now())
	read(&o)
}

// Waiting returns the number of readings that have arrived since the last call of loop.Step. It may be called from any goroutine.
func (a *Autoscaler) Waiting() int { return a.inbox.waiting() }
