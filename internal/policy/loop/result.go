package loop

import (
	"errors"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

// onResult applies the result of the write in flight, describes that write, and reports whether the result requires a decision.
func (s *State) onResult(now scalers.Instant, r *Result, ended *EndedWrite) bool {
	w := &s.write
	scale, err := r.Scale, r.Err
	if s.applied(err) {
		scale, err = s.target.scale, nil
	}
	w.inFlight = false
	*ended = w.ended(now, err)
	w.setAnswerLost(err != nil && ambiguous(err))
	if err == nil {
		w.clearFailures()
		s.recordWritten(now, scale, w.sent.To)
		return w.superseded || s.target.foreign
	}
	if w.sent.caused != 0 {
		w.causedBy(w.sent.caused)
	}
	w.failures, w.failedAt, w.err = w.failures+1, now, err
	switch {
	case errors.Is(err, actuator.ErrConflict):
		// The observation that explains the conflict is still to come, unless one has arrived since the write was sent.
		w.unexplained = s.target.observations == w.sent.observations
		return !w.unexplained
	case errors.Is(err, actuator.ErrAltered):
		ended.Stored = scale.Replicas
		s.recordWritten(now, scale, scale.Replicas)
		w.refusals.add(w.sent.To - scale.Replicas)
		return w.superseded || s.target.foreign
	case errors.Is(err, actuator.ErrDenied):
		w.refusals.add(w.sent.To - w.sent.From.Replicas)
	}
	return s.target.foreign
}

// ended describes the last write, which has ended with err.
func (w *writer) ended(now scalers.Instant, err error) EndedWrite {
	sent := &w.sent
	e := EndedWrite{
		From: sent.From.Replicas, To: sent.To, Stored: sent.To, Err: err, Decision: sent.decision, Policy: sent.policy, Latency: -1,
	}
	if err != nil {
		e.Stored = e.From
	}
	if sent.caused != 0 {
		e.Latency = now.Sub(sent.caused)
	}
	return e
}

// applied reports whether a write that failed has been applied all the same: its answer was lost, and its count has been observed.
func (s *State) applied(err error) bool {
	sent, t := &s.write.sent, &s.target
	return err != nil && ambiguous(err) && t.known && t.scale.UID == sent.From.UID && t.scale.Replicas == sent.To
}

// ambiguous reports whether a write that failed may have been applied: its answer was lost.
func ambiguous(err error) bool {
	for _, answered := range []error{actuator.ErrNotFound, actuator.ErrNoScale, actuator.ErrForbidden, actuator.ErrConflict} {
		if errors.Is(err, answered) {
			return false
		}
	}
	return !refused(err)
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
