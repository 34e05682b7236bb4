package engine

import (
	"slices"

	"github.com/impulse-sh/impulse/scalers"
)

// Asked returns what the latest decision at or before an instant was asked; false when there was none by then.
func (w *World) Asked(until scalers.Instant) (scalers.Input, bool) {
	last, found := scalers.Instant(0), false
	for turn := range w.Turns(until) {
		if turn.Decided {
			last, found = turn.At, true
		}
	}
	if !found {
		return scalers.Input{}, false
	}
	l := newLife(w)
	for at := w.Start; at < last; at = l.turn.Until {
		l.live(at)
	}
	memory := l.memory.Clone() // Deciding consumes it.
	l.live(last)
	return scalers.Input{Now: last, Current: l.turn.From, Events: slices.Clone(l.events), Memory: memory}, true
}
