package loop

import (
	"errors"
	"slices"

	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

// target is the state of the workload's target, from observations and from the results of Impulse's writes.
type target struct {
	scale actuator.Scale
	// hpa names a HorizontalPodAutoscaler of the same target; "": none.
	hpa   string
	ready int32
	// known is false while the count is unknown; err then says why, once an observation has arrived.
	known bool
	err   error
	// observations counts the observations.
	observations int
	// foreign is true from the observation of a count that another client wrote until the decision on it.
	foreign bool
	// history has the newest counts, oldest first, at most maxHistory: a reading is combined with the counts at its instant.
	history []counts
}

// maxHistory is the bound of target.history. Most targets have one or two counts there.
const maxHistory = 8

// counts are those of the target from an instant on.
type counts struct {
	at             scalers.Instant
	current, ready int32
}

// observe applies an observation, and reports whether it requires a decision: the count has become known, another client wrote it,
// a foreign HPA is gone, or it explains a conflict. If it shows a write whose answer was lost, it describes that write in out.
func (s *State) observe(now scalers.Instant, o *actuator.Observation, out *Output) bool {
	t := &s.target
	t.observations++
	t.err = o.Err
	freed := t.hpa != "" && o.ForeignHPA == ""
	t.hpa, t.ready = o.ForeignHPA, o.Ready
	if !HasCount(o) {
		t.known = false
		return false
	}
	needsDecision := s.observeCount(now, o.Scale, out)
	t.record(now)
	return needsDecision || freed || s.write.explainConflict()
}

// HasCount reports whether an observation has a count to decide from. While the API server does not answer, the last known count is
// one: a write fails if the count has changed.
func HasCount(o *actuator.Observation) bool {
	if o.Err == nil {
		return true
	}
	gone := errors.Is(o.Err, actuator.ErrNotFound) || errors.Is(o.Err, actuator.ErrNoScale) || errors.Is(o.Err, actuator.ErrForbidden)
	return !gone && o.Scale.UID != ""
}

// observeCount applies an observed count, and reports whether it requires a decision.
func (s *State) observeCount(now scalers.Instant, observed actuator.Scale, out *Output) bool {
	t := &s.target
	switch {
	case !t.known || observed.UID != t.scale.UID:
		s.begin(now, observed)
		return true
	case older(observed, t.scale):
		return false // The result of Impulse's own write arrived before it.
	case observed.Replicas == t.scale.Replicas:
		t.scale = observed
		return false
	case s.write.inFlight && observed.Replicas == s.write.sent.To:
		t.scale = observed // Our own write, observed before its result.
		return false
	case s.write.mayBeApplied(now) && observed.Replicas == s.write.sent.To:
		ended := s.write.ended(now, nil)
		out.Ended = &ended
		s.write.setAnswerLost(false)
		s.write.clearFailures()
		s.recordWritten(now, observed, observed.Replicas)
		return observed.Replicas != s.decision.Replicas
	default:
		t.scale, t.foreign = observed, true
		return true
	}
}

// begin applies the first count after the target was unknown or was replaced by a new object with another UID. Earlier readings are
// treated as if they had been made at this count. The last recommendation remains.
func (s *State) begin(now scalers.Instant, observed actuator.Scale) {
	t := &s.target
	switch {
	case s.decided:
		s.memory = s.memory.Resume(now)
	case s.lastDecided != nil && observed.Replicas > *s.lastDecided && !s.dryRun:
		// The count is above the last one that was reported, so the memory lacks a later decision. The count replaces its recommendation.
		s.memory = s.memory.Recommended(s.policy, now, observed.Replicas)
	}
	if s.firstBy == 0 {
		s.firstBy = now.Add(s.pacing.FirstDecision)
	}
	t.scale, t.known, t.history = observed, true, t.history[:0]
	s.write.setAnswerLost(false)
	s.write.clearFailures()
	for i := range s.readings {
		if e := &s.readings[i]; e.At != 0 {
			e.Current, e.Ready = observed.Replicas, t.ready
		}
	}
}

// older reports whether a was observed before b.
func older(a, b actuator.Scale) bool {
	if a.ResourceVersion == b.ResourceVersion {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(a.ResourceVersion, b.ResourceVersion)
	return err == nil && order < 0
}

// record stores the present counts for readings that are under way.
func (t *target) record(now scalers.Instant) {
	n := len(t.history)
	if n > 0 && t.history[n-1].current == t.scale.Replicas && t.history[n-1].ready == t.ready {
		return
	}
	if n == maxHistory {
		t.history = append(t.history[:0], t.history[1:]...)
	}
	t.history = append(t.history, counts{now, t.scale.Replicas, t.ready})
}

// at returns the count and the ready pods at an instant, or the oldest that are recorded.
func (t *target) at(then scalers.Instant) (current, ready int32) {
	best := counts{current: t.scale.Replicas, ready: t.ready}
	for _, earlier := range slices.Backward(t.history) {
		best = earlier
		if best.at <= then {
			break
		}
	}
	return best.current, best.ready
}
