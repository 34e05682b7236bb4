package autoscaler

import (
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// Outcome is all there is to say of a workload after a turn. What it points to is the pipeline's own: a Reporter reads it
// before it returns, and keeps nothing.
type Outcome struct {
	Workload *compile.Workload
	At       scalers.Instant
	// Events are the latest readings, in the order of the triggers; one that has not been read has no At. Arrived has a bit
	// for each that came in this turn.
	Events  []scalers.Event
	Arrived uint32
	// Target is what is known of the target; TargetKnown is false while its count is not.
	Target      actuator.Observation
	TargetKnown bool
	// Decision means nothing before Decided. Fresh is true when it was taken in this turn; From is the count that it was
	// taken from.
	Decision *scalers.Decision
	Decided  bool
	Fresh    bool
	From     int32
	Memory   *scalers.Memory
	// Writing is true while a write is under way.
	Writing bool
	// Write is set once for each write that ended.
	Write *Write
	// WriteErr is why the last write failed, until one succeeds or the target has the count that is wanted.
	WriteErr  error
	Contested bool
}

// Write is one write that ended.
type Write struct {
	From, To int32
	// Stored is the count after it: To when it succeeded, another one when admission changed it, and From when it failed.
	Stored int32
	Err    error
	// Decision is the one that it carried out, and Policy what that was decided by.
	Decision *scalers.Decision
	Policy   *scalers.Policy
	// Latency is the time from the event that caused it to its end; negative when no event did.
	Latency time.Duration
}

// report tells the reporter how things are after a turn.
func (p *Pipeline) report() {
	o := &p.outcome
	o.Workload, o.At, o.Events, o.Memory = p.workload, p.now(), p.events, &p.memory
	o.Target = actuator.Observation{Scale: p.view.scale, ForeignHPA: p.view.hpa, Ready: p.view.ready, Err: p.view.err}
	o.TargetKnown = p.view.known
	o.Decision, o.Decided, o.From = &p.decision, p.decided, p.from
	o.Writing, o.Contested = p.writer.flying, p.contest.level > 0
	if !p.view.known || !p.decided || p.decision.Replicas != p.view.scale.Replicas {
		o.WriteErr = p.writer.trouble()
	}
	p.options.Reporter.Decided(o)
	*o = Outcome{}
}
