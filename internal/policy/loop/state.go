package loop

import (
	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

// Readings are the latest readings, in the order of the triggers; one that has not been read has no At.
func (s *State) Readings() []scalers.Event { return s.readings }

// Memory is the memory that the next decision starts from.
func (s *State) Memory() *scalers.Memory { return &s.memory }

// Decision is the latest decision; it has no meaning before Decided.
func (s *State) Decision() *scalers.Decision { return &s.decision }

// Decided reports whether a decision has been taken.
func (s *State) Decided() bool { return s.decided }

// From is the count that the latest decision was taken from.
func (s *State) From() int32 { return s.from }

// DecidedAt is when the latest decision was taken.
func (s *State) DecidedAt() scalers.Instant { return s.decidedAt }

// Target is the latest observation of the target, with the count that Impulse's own writes have left.
func (s *State) Target() actuator.Observation {
	return actuator.Observation{Scale: s.target.scale, ForeignHPA: s.target.hpa, Ready: s.target.ready, Err: s.target.err}
}

// TargetKnown reports whether the target's count is known.
func (s *State) TargetKnown() bool { return s.target.known }

// Writing reports whether a write is in flight.
func (s *State) Writing() bool { return s.write.inFlight }

// Contested reports whether another client writes other counts again and again, so that the answers of Impulse back off.
func (s *State) Contested() bool { return s.backOff.delays > 0 }

// WriteErr is the error of the last write; nil when it succeeded or the target has the decided count. A conflict is left out
// until several in a row stay unexplained: the observation that explains one is answered at once.
func (s *State) WriteErr() error {
	if s.target.known && s.decided && s.decision.Replicas == s.target.scale.Replicas {
		return nil
	}
	return s.write.reportable()
}
