package autoscaler

import (
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
	// started from.
	Decision *scalers.Decision
	Decided  bool
	Fresh    bool
	From     int32
	Memory   *scalers.Memory
	// Writing is true while a write is in flight.
	Writing bool
	// Write is the write that ended with this call; nil means none.
	Write *loop.EndedWrite
	// WriteErr is why the last write failed, until one succeeds or the target has the decided count.
	WriteErr error
	// Contested is true while another client keeps changing the count, so that Impulse writes with increasing delays.
	Contested bool
}

// report passes the outcome of a call of loop.Step to the reporter.
func (a *Autoscaler) report(out loop.Output, now scalers.Instant) {
	o, s := &a.outcome, a.state
	o.Workload, o.At, o.Events, o.Memory = a.workload, now, s.Readings(), s.Memory()
	o.Target, o.TargetKnown = s.Target(), s.TargetKnown()
	o.Decision, o.Decided, o.Fresh, o.From = s.Decision(), s.Decided(), out.Decided, s.From()
	o.Writing, o.Write, o.WriteErr, o.Contested = s.Writing(), out.Ended, s.WriteErr(), s.Contested()
	a.options.Reporter.Decided(o)
	*o = Outcome{}
}
