package engine

import (
	"slices"

	"github.com/impulse-sh/impulse/scalers"
)

// LastInput returns the input of the latest decision at or before an instant; false when there was none by then.
func (s *Scenario) LastInput(until scalers.Instant) (scalers.Input, bool) {
	last, found := scalers.Instant(0), false
	for turn := range s.Turns(until) {
		if turn.Decided {
			last, found = turn.At, true
		}
	}
	if !found {
		return scalers.Input{}, false
	}
	r := newRun(s)
	for at := s.Start; at < last; at = r.turn.Until {
		r.advance(at)
	}
	memory := r.state.Memory().Clone() // Deciding consumes it.
	r.advance(last)
	return scalers.Input{Now: last, Current: r.turn.From, Events: slices.Clone(r.turn.Events), Memory: memory}, true
}
