package autoscaler

import (
	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
)

// Outcome is the state of a workload after a step. What it points to belongs to the autoscaler: a Reporter reads it before it
// returns, and retains nothing.
type Outcome struct {
	Workload *compile.Workload
	At       scalers.Instant
	// Events are the latest readings, in the order of the triggers; one that has not been read has no At. Arrived has a bit
	// for each that arrived with this step.
	Events  []scalers.Event
	Arrived uint32
	// Target is the target as far as it is known; TargetKnown is false while its count is not.
	Target      actuator.Observation
	TargetKnown bool
	// Decision means nothing before Decided. Fresh is true when it was taken in this step; From is the count that it was
	// taken from.
	Decision *scalers.Decision
	Decided  bool
	Fresh    bool
	From     int32
	Memory   *scalers.Memory
	// Writing is true while a write is in flight.
	Writing bool
	// Write is the write that ended with this step; nil: none.
	Write *loop.EndedWrite
	// WriteErr is why the last write failed, until one succeeds or the target has the count that is wanted.
	WriteErr error
	// Contested: somebody else writes other counts again and again, so that our answers back off.
	Contested bool
}

// report passes the outcome of a step to the reporter.
func (a *Autoscaler) report(out loop.Output, now scalers.Instant) {
	o, s := &a.outcome, a.state
	o.Workload, o.At, o.Events, o.Memory = a.workload, now, s.Readings(), s.Memory()
	o.Target, o.TargetKnown = s.Target(), s.TargetKnown()
	o.Decision, o.Decided, o.Fresh, o.From = s.Decision(), s.Decided(), out.Decided, s.From()
	o.Writing, o.Write, o.WriteErr, o.Contested = s.Writing(), out.Ended, s.WriteErr(), s.Contested()
	a.options.Reporter.Decided(o)
	*o = Outcome{}
}
