package simulate

import (
	"math"
	"time"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/scalers"
)

// Model is the load model: what comes, and what a replica does with it.
type Model struct {
	Load *Load
	// Column is the one that replicas have to bear.
	Column *Column
	// Capacity is how much of it one ready replica bears; > 0.
	Capacity scalers.Milli
	// StartupDelay is how long a new replica takes to be ready.
	StartupDelay time.Duration
}

// Step is a count from an instant on.
type Step struct {
	At scalers.Instant
	N  int32
}

// Demand is how many ready replicas the load needs, over time. Where the load is not known, what was needed last stands.
func (m *Model) Demand() []Step {
	var steps []Step
	last := int32(-1)
	for i, at := range m.Load.Times {
		cell := m.Column.Cells[i]
		if cell.Answer != engine.Number {
			continue
		}
		if n := needed(cell.Value, m.Capacity); n != last {
			steps = append(steps, Step{at, n})
			last = n
		}
	}
	return steps
}

// needed is ceil(load / capacity), saturating.
func needed(load, capacity scalers.Milli) int32 {
	if load <= 0 {
		return 0
	}
	n := load / capacity
	if load%capacity > 0 {
		n++
	}
	return int32(min(int64(n), math.MaxInt32))
}

// ready is how many of the wanted replicas are ready, over time: a new one after delay, and those that are not ready yet
// are the first to go.
func ready(wanted []Step, delay time.Duration) []Step {
	if len(wanted) == 0 || delay <= 0 {
		return wanted
	}
	out := []Step{wanted[0]}
	var coming []Step // Each is a count that there will be, at its instant; both rise.
	settle := func(now scalers.Instant) {
		for len(coming) > 0 && coming[0].At <= now {
			out, coming = append(out, coming[0]), coming[1:]
		}
	}
	for _, w := range wanted[1:] {
		settle(w.At)
		at := w.At.Add(delay)
		for len(coming) > 0 && coming[len(coming)-1].N >= w.N {
			at = coming[len(coming)-1].At // It was on its way already.
			coming = coming[:len(coming)-1]
		}
		switch {
		case w.N > lastOf(out, coming):
			coming = append(coming, Step{at, w.N})
		case w.N < out[len(out)-1].N:
			out = append(out, w)
		}
	}
	settle(scalers.Never)
	return out
}

// lastOf is the highest count that there is or will be.
func lastOf(out, coming []Step) int32 {
	if len(coming) > 0 {
		return coming[len(coming)-1].N
	}
	return out[len(out)-1].N
}
