package loop

import (
	"errors"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

// onResult applies the result of the write in flight, describes that write, and reports whether the result requires a decision.
func (s *State) onResult(now scalers.Instant, r *Result, ended *EndedWrite) bool {
	w := &s.write
	sent := &w.sent
	w.inFlight = false
	*ended = EndedWrite{
		From: sent.From.Replicas, To: sent.To, Stored: sent.From.Replicas, Err: r.Err, Decision: sent.decision, Policy: sent.policy, Latency: -1,
	}
	sent.decision = nil
	if sent.caused != 0 {
		ended.Latency = now.Sub(sent.caused)
	}
	if r.Err == nil {
		ended.Stored = sent.To
		w.clearFailures()
		s.recordWritten(now, r.Scale, sent.To)
		return w.superseded || s.target.foreign
	}
	if sent.caused != 0 {
		w.causedBy(sent.caused)
	}
	w.failures, w.failedAt, w.err = w.failures+1, now, r.Err
	switch {
	case errors.Is(r.Err, actuator.ErrConflict):
		// The observation that explains the conflict is still to come, unless one has arrived since the write was sent.
		w.unexplained = s.target.observations == sent.observations
		return !w.unexplained
	case errors.Is(r.Err, actuator.ErrAltered):
		ended.Stored = r.Scale.Replicas
		s.recordWritten(now, r.Scale, r.Scale.Replicas)
		w.refusals.add(sent.To - r.Scale.Replicas)
		return w.superseded || s.target.foreign
	case errors.Is(r.Err, actuator.ErrDenied):
		w.refusals.add(sent.To - sent.From.Replicas)
	}
	w.answerLost = ambiguous(r.Err)
	return s.target.foreign
}

// ambiguous reports whether a write that failed may have been applied: its answer was lost.
func ambiguous(err error) bool {
	return !errors.Is(err, actuator.ErrNotFound) && !errors.Is(err, actuator.ErrNoScale) && !errors.Is(err, actuator.ErrForbidden) && !refused(err)
}

// recordWritten records the count that Impulse's write has left. If that count was observed before the result, it was not foreign.
func (s *State) recordWritten(now scalers.Instant, scale actuator.Scale, count int32) {
	t := &s.target
	s.memory = s.memory.Scaled(s.write.sent.policy, now, s.write.sent.From.Replicas, count)
	if scale.UID == t.scale.UID && !older(scale, t.scale) {
		t.scale = scale
	}
	if t.scale.Replicas == count {
		t.foreign = false
	}
	t.record(now)
}

// refused reports whether a write failed because admission did not allow its count.
func refused(err error) bool {
	return errors.Is(err, actuator.ErrDenied) || errors.Is(err, actuator.ErrAltered)
}

// refusals are the smallest raise and the smallest lowering that admission has refused since a write last succeeded; 0 is none.
// Admission does not say which counts it allows, but a smaller change has a better chance than a refused one.
type refusals struct{ raise, lower int32 }

// add records a change that was refused.
func (r *refusals) add(change int32) {
	size := &r.raise
	if change < 0 {
		size, change = &r.lower, -change
	}
	if *size == 0 || change < *size {
		*size = change
	}
}

// allow reports whether a change is smaller than every refused one in its direction. Such a change does not wait. There are
// at most as many of them in a row as the smallest refused change has replicas, however much the load varies.
func (r *refusals) allow(change int32) bool {
	size := r.raise
	if change < 0 {
		size, change = r.lower, -change
	}
	return size == 0 || change < size
}
