package loop

import (
	"errors"
	"time"

	"golang.org/x/time/rate"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

const (
	// After a failure a raise is tried again sooner than a lowering, so that raises go first when the API server limits
	// requests. The pauses double from the first to the longest.
	firstRaise, longestRaise = 100 * time.Millisecond, 10 * time.Second
	firstLower, longestLower = time.Second, 30 * time.Second
	// notLeadingPause is the pause, from its last step on, before a process that may not write tries again.
	notLeadingPause = time.Second
	// conflictPause is how long a write that met a conflict waits for the observation that explains it.
	conflictPause = time.Second
	// lostFor is how long a write whose answer was lost may still be applied: an API server ends each request after that time.
	lostFor = time.Minute
	// reportedConflicts is the number of unexplained conflicts in a row from which on they are reported.
	reportedConflicts = 3
)

// Write is a write of the target's count: To, if the target still is as From.
type Write struct {
	From actuator.Scale
	To   int32
}

// Succeeded are the inputs of the step after a write to a target that takes every count at once.
func (w *Write) Succeeded() Inputs {
	scale := w.From
	scale.Replicas = w.To
	return Inputs{Result: Result{Scale: scale}, WriteEnded: true, MayWrite: true}
}

// Result is how the API server answered a write.
type Result struct {
	// Scale is the target after the write. With actuator.ErrAltered it has the count that admission stored instead; with other
	// errors it means nothing.
	Scale actuator.Scale
	Err   error
}

// EndedWrite is a write that has ended.
type EndedWrite struct {
	From, To int32
	// Stored is the count after the write: To when it succeeded, another count when admission changed it, From when it failed.
	Stored int32
	Err    error
	// Decision is the decision that the write carried out, and Policy the policy of that decision.
	Decision *scalers.Decision
	Policy   *scalers.Policy
	// Latency is the time from the first reading that led to the write to its result; negative when no reading did.
	Latency time.Duration
}

// writer is the write in flight, and what delays the next one. At most one write is in flight.
type writer struct {
	limiter *rate.Limiter // Nil before the first write, and if any rate is allowed.
	// inFlight is true from the step that returned a write to the one with its result. sent is the last write.
	inFlight bool
	sent     sentWrite
	// superseded is true when a decision was taken since: it was taken from the count before the write.
	superseded bool
	// answerLost: the last write failed, and may have been applied all the same, as an observation may show.
	answerLost bool
	// caused is the instant of the oldest reading that no write has answered yet; zero when no reading requires a write.
	caused scalers.Instant
	// unexplained is true from a conflict until the observation that explains it.
	unexplained bool
	refusals    refusals
	// failures counts the failed writes since the last success; the last one failed at failedAt with err.
	failures int
	failedAt scalers.Instant
	err      error
	// retryAt is when a delayed write is due; Never when none is.
	retryAt scalers.Instant
}

// sentWrite is a write, and what it was sent for.
type sentWrite struct {
	Write

	// decision is nil once the write has ended and its answer is known: only few workloads have such a write, and a decision is large.
	decision *scalers.Decision
	policy   *scalers.Policy
	caused   scalers.Instant
	// observations is the number of observations when it was sent.
	observations int
}

// causedBy records the instant of a reading that may call for a write.
func (w *writer) causedBy(at scalers.Instant) {
	if w.caused == 0 || at < w.caused {
		w.caused = at
	}
}

// changeDue returns the change that brings the target to the decided count; 0 while a write is in flight, while it has to be delayed, and
// when the target has the count or must not be written.
func (s *State) changeDue(now scalers.Instant, mayWrite bool) int32 {
	w := &s.write
	if w.inFlight {
		return 0
	}
	w.retryAt = scalers.Never
	if !s.decided || !s.target.known {
		return 0
	}
	change := s.decision.Replicas - s.target.scale.Replicas
	if change == 0 {
		w.caused = 0
		if !refused(w.err) {
			w.clearFailures() // Refusals stay: a load that varies around the limit of admission is no reason to ask more often.
		}
		return 0
	}
	if s.target.hpa != "" || s.dryRun {
		w.caused = 0
		return 0
	}
	if at := s.startAt(now, change, mayWrite); at > now {
		w.retryAt = at
		return 0
	}
	return change
}

// Send returns the write that brings the target to the decided count. It follows a step at the same instant that announced one by
// Output.Waiting.
func (s *State) Send(now scalers.Instant) *Write {
	w := &s.write
	if w.limiter != nil {
		w.limiter.AllowN(now.Time(), 1)
	}
	w.inFlight, w.answerLost, w.unexplained, w.superseded = true, false, false, false
	decision := s.decision
	w.sent = sentWrite{
		Write: Write{From: s.target.scale, To: decision.Replicas}, decision: &decision, policy: s.policy, caused: w.caused,
		observations: s.target.observations,
	}
	w.caused = 0
	return &w.sent.Write
}

// startAt returns when a write may be sent.
func (s *State) startAt(now scalers.Instant, change int32, mayWrite bool) scalers.Instant {
	if at := max(s.write.notBefore(change), s.backOff.notBefore(change > 0)); at > now {
		return at
	}
	if !mayWrite {
		return now.Add(notLeadingPause)
	}
	if s.pacing.WritesPerSecond <= 0 {
		return now
	}
	if s.write.limiter == nil {
		s.write.limiter = rate.NewLimiter(s.pacing.WritesPerSecond, s.pacing.WriteBurst)
	}
	place := s.write.limiter.ReserveN(now.Time(), 1)
	defer place.CancelAt(now.Time())
	return now.Add(place.DelayFrom(now.Time()))
}

// notBefore returns when failures allow a write of this change again.
func (w *writer) notBefore(change int32) scalers.Instant {
	switch {
	case w.unexplained:
		return w.failedAt.Add(backOff(conflictPause, longestLower, w.failures))
	case w.failures == 0 || errors.Is(w.err, actuator.ErrConflict), refused(w.err) && w.refusals.allow(change):
		return 0
	default:
		return w.failedAt.Add(RetryDelay(change > 0, w.failures))
	}
}

// RetryDelay returns the delay of the next write after a number of consecutive failures: that of a raise is shorter.
func RetryDelay(raise bool, failures int) time.Duration {
	if raise {
		return backOff(firstRaise, longestRaise, failures)
	}
	return backOff(firstLower, longestLower, failures)
}

// explainConflict ends the wait of a conflict for an observation, and reports whether there was one.
func (w *writer) explainConflict() bool {
	waited := w.unexplained
	w.unexplained = false
	return waited
}

// setAnswerLost records whether the answer to the last write was lost.
func (w *writer) setAnswerLost(lost bool) {
	if w.answerLost = lost; !lost {
		w.sent.decision = nil
	}
}

// mayBeApplied reports whether the last write failed, and may be applied or have been applied all the same.
func (w *writer) mayBeApplied(now scalers.Instant) bool {
	return w.answerLost && now.Sub(w.failedAt) < lostFor
}

// clearFailures forgets the failures of a target that was written, or is another one now.
func (w *writer) clearFailures() {
	w.failures, w.err, w.unexplained, w.refusals = 0, nil, false, refusals{}
}

// reportable is the error of the last write; nil for a conflict that is explained, or may still be.
func (w *writer) reportable() error {
	if errors.Is(w.err, actuator.ErrConflict) && (!w.unexplained || w.failures < reportedConflicts) {
		return nil
	}
	return w.err
}
