package pipeline

import (
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/workload"
	"github.com/impulse-sh/impulse/scalers"
)

// Outcome is all there is to say of a workload at one moment. What it points to is the pipeline's own: a Reporter reads it
// before it returns, and keeps nothing.
type Outcome struct {
	Workload *workload.Workload
	At       scalers.Instant
	// Events are the latest readings, in the order of the triggers; one that has not been read has no At.
	Events []scalers.Event
	// Target is what is known of the target; TargetKnown is false while its count is not.
	Target      actuator.Observation
	TargetKnown bool
	// Decision means nothing before Decided.
	Decision *scalers.Decision
	Decided  bool
	Memory   *scalers.Memory
	// Write is set once for each write that ended.
	Write *Write
	// WriteErr is why the last write failed, until one succeeds.
	WriteErr  error
	Contested bool
	// Leading is false while somebody else, or nobody, may write.
	Leading bool
}

// Write is one write that ended.
type Write struct {
	From, To int32
	Err      error
	// Latency is the time from the event that caused it to its end; negative when no event did.
	Latency time.Duration
}

// report tells the reporter.
func (p *Pipeline) report(now scalers.Instant, r *result) {
	s := &p.state
	o := Outcome{
		Workload: p.Workload, At: now, Events: s.events, Target: s.target, TargetKnown: s.known, Decision: &s.decision, Decided: s.decided,
		Memory: &s.memory, WriteErr: s.writer.err, Contested: s.writer.contest.contested(now), Leading: p.MayWrite(),
	}
	if r != nil {
		o.Write = &Write{From: r.from, To: r.to, Err: r.err, Latency: -1}
		if r.cause != 0 {
			o.Write.Latency = r.at.Sub(r.cause)
		}
	}
	p.Reporter.Decided(&o)
}

// watchOptions says what is needed to know of the target.
func watchOptions(p *Pipeline) actuator.WatchOptions {
	return actuator.WatchOptions{Pods: p.Workload.NeedsPods()}
}
