package loop

import (
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

// Options describe a workload at the first step.
type Options struct {
	Policy *scalers.Policy
	// DryRun: decide, and write nothing.
	DryRun bool
	// Triggers is the number of triggers that are read: the first ones of the policy.
	Triggers int
	// Memory is the memory of earlier decisions. The state owns it from now on.
	Memory scalers.Memory
	// LastDecided is the newest count that the status reported. Memory may lack later decisions, because a process can die between
	// a write and its report. Nil means that Memory is complete.
	LastDecided *int32
	Pacing      Pacing
}

// Pacing delays decisions and writes for reasons other than the policy. The zero Pacing delays nothing: it fits a target that
// takes every count at once, and sources that are all read at the first step.
type Pacing struct {
	// FirstDecision is the longest time that the first decision waits for the first reading of each trigger once the target is known.
	// A restart then does not decide on half of the readings. A trigger that has not been read by then is unknown, and lowers nothing.
	FirstDecision time.Duration
	// WritesPerSecond is the highest rate of writes after a burst of WriteBurst; 0: any rate.
	WritesPerSecond rate.Limit
	WriteBurst      int
	// BackOff delays the answers to another client's writes while they keep coming.
	BackOff bool
}

// ClusterPacing is the pacing of a workload in a cluster.
func ClusterPacing() Pacing {
	return Pacing{FirstDecision: time.Second, WritesPerSecond: 5, WriteBurst: 10, BackOff: true}
}

// Inputs have all that has arrived since the last step. A step copies the parts that it needs.
type Inputs struct {
	// Result is the result of the write in flight; it has no meaning without WriteEnded.
	Result     Result
	WriteEnded bool
	// Policy replaces the policy, and DryRun goes with it; nil: the policy stays. It has the same triggers.
	Policy *scalers.Policy
	DryRun bool
	// Observation is the newest observation of the target; it has no meaning without Observed.
	Observation actuator.Observation
	Observed    bool
	// Readings has the newest reading of each trigger whose bit is set in Arrived.
	Readings []scalers.Event
	Arrived  uint32
	// Stamped: the readings have the counts at their instants (Event.Current and Ready).
	Stamped bool
	// MayWrite: this process may write, as the leader may.
	MayWrite bool
	// MustWait: the writes of other workloads go first. A write that is due is then announced by Output.Waiting.
	MustWait bool
	// Stopping: the workload is no longer scaled. The step only applies Result.
	Stopping bool
}

// Output is the result of a step.
type Output struct {
	// Write is the write to send; nil: none. Its result belongs into a later step, and no other write is sent before.
	Write *Write
	// Waiting is the change of the count by the write that is due and has to wait for those of other workloads; 0: none. State.Send sends it;
	// otherwise a later step returns what is due by then.
	Waiting int32
	// Ended is the write that Inputs.Result ended, or one that failed before, and was applied all the same, as Inputs.Observation shows; nil: none.
	Ended *EndedWrite
	// Decided: a decision was taken in this step.
	Decided bool
	// WakeAt is the next instant at which a step is needed without further input; scalers.Never: none.
	WakeAt scalers.Instant
}

// State is the state of one workload between two steps. It belongs to one driver; what its methods return is valid until the next
// step.
type State struct {
	pacing Pacing
	policy *scalers.Policy
	dryRun bool

	readings []scalers.Event
	// read has a bit for each trigger that has been read at least once.
	read   uint32
	memory scalers.Memory
	// lastDecided is Options.LastDecided.
	lastDecided *int32
	// firstBy is the instant up to which the first decision waits for readings; zero until the target is known.
	firstBy  scalers.Instant
	decision scalers.Decision
	decided  bool
	// from is the count that the decision was taken from, and decidedAt when it was taken.
	from      int32
	decidedAt scalers.Instant

	target  target
	write   writer
	backOff contestedBackOff
}

// New returns the state of a workload whose target has not been observed yet.
func New(o Options) *State {
	return &State{
		pacing: o.Pacing, policy: o.Policy, dryRun: o.DryRun, memory: o.Memory, lastDecided: o.LastDecided,
		readings: make([]scalers.Event, o.Triggers), target: target{ready: -1}, write: writer{retryAt: scalers.Never},
	}
}

// After returns the state of a workload right after the decision d, which was taken from in, without pacing. It shares nothing
// with in and d.
func After(p *scalers.Policy, dryRun bool, in scalers.Input, d *scalers.Decision) *State {
	s := New(Options{Policy: p, DryRun: dryRun, Memory: d.Memory.Clone()})
	s.readings = slices.Clone(in.Events)
	s.target.scale.Replicas, s.target.known = in.Current, true
	s.decision, s.decided, s.decidedAt, s.from = *d, true, in.Now, in.Current
	return s
}

// Step applies the inputs at an instant, and decides if they require it. Instants do not go back.
func (s *State) Step(in *Inputs, now scalers.Instant) Output {
	var out Output
	needsDecision := false
	if in.WriteEnded {
		out.Ended = &EndedWrite{}
		needsDecision = s.onResult(now, &in.Result, out.Ended)
	}
	if in.Stopping {
		out.WakeAt = scalers.Never
		return out
	}
	if s.apply(in, now, &out) || needsDecision || s.due(now) {
		out.Decided = s.decide(now)
	}
	s.backOff.expire(now)
	switch change := s.changeDue(now, in.MayWrite); {
	case change == 0:
	case in.MustWait:
		out.Waiting = change
	default:
		out.Write = s.Send(now)
	}
	out.WakeAt = s.wakeAt(now)
	return out
}

// apply applies everything but the result of a write, and reports whether it requires a decision.
func (s *State) apply(in *Inputs, now scalers.Instant, out *Output) bool {
	needsDecision := in.Arrived != 0
	if in.Policy != nil {
		s.policy, s.dryRun, needsDecision = in.Policy, in.DryRun, true
	}
	if in.Observed && s.observe(now, &in.Observation, out) {
		needsDecision = true
	}
	for i := range s.readings {
		if in.Arrived&(1<<i) != 0 {
			s.accept(now, i, &in.Readings[i], in.Stamped)
		}
	}
	return needsDecision
}

// accept stores the reading of trigger i, stamped with the counts at its instant.
func (s *State) accept(now scalers.Instant, i int, reading *scalers.Event, stamped bool) {
	e := &s.readings[i]
	*e = *reading
	e.Trigger = s.policy.Triggers[i].Name
	if e.At <= 0 || e.At > now {
		e.At = now
	}
	s.write.causedBy(e.At)
	if !stamped {
		e.Current, e.Ready = s.target.at(e.At)
	}
	s.read |= 1 << i
}

// due reports whether a decision is due at an instant without any input.
func (s *State) due(now scalers.Instant) bool {
	if !s.decided {
		return s.firstBy != 0 && now >= s.firstBy
	}
	return now >= s.decision.Next
}

// decide takes a decision, and reports false if it cannot: the count is unknown, or the first decision still waits for readings.
func (s *State) decide(now scalers.Instant) bool {
	if !s.target.known || (!s.decided && now < s.firstBy && s.read != 1<<len(s.readings)-1) {
		return false
	}
	s.from = s.target.scale.Replicas
	s.decision = scalers.Decide(s.policy, scalers.Input{Now: now, Current: s.from, Events: s.readings, Memory: s.memory})
	s.memory = s.decision.Memory
	s.decided, s.decidedAt = true, now
	s.write.superseded = s.write.inFlight
	if s.write.inFlight {
		// Whether another client changed the count is known only when the write has ended: admission may have changed the written count.
		return true
	}
	if s.target.foreign && s.decision.Replicas != s.from && s.pacing.BackOff {
		s.backOff.foreignWrite(now)
	}
	s.target.foreign = false
	return true
}

// wakeAt returns the next instant after now at which a step is needed without further input. While the count is unknown, no decision ends a
// pause, but the outcome of a step does: the condition Paused is reported with it.
func (s *State) wakeAt(now scalers.Instant) scalers.Instant {
	next := s.write.retryAt
	switch {
	case !s.target.known:
		if end := s.policy.Paused.Until; end > now {
			next = min(next, end)
		}
	case s.decided:
		next = min(next, s.decision.Next)
	default:
		next = min(next, s.firstBy)
	}
	if s.backOff.delays > 0 {
		next = min(next, s.backOff.endsAt())
	}
	return next
}
