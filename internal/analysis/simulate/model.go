package simulate

import (
	"math"
	"time"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/scalers"
)

// Model is a load, and how much of it a replica can serve.
type Model struct {
	Load *Load
	// Column is the column that replicas have to serve.
	Column *Column
	// Capacity is how much of it one ready replica can serve; > 0.
	Capacity scalers.Milli
	// StartupDelay is how long a new replica takes to be ready.
	StartupDelay time.Duration
}

// Step is a count of replicas from an instant on.
type Step struct {
	At scalers.Instant
	N  int32
}

// Demand returns the number of ready replicas that the load needs, over time. While the load is unknown, the last number stays.
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

// needed returns ceil(load / capacity); it saturates.
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

// ready returns the number of ready replicas, over time: a new one is ready after delay, and a lower count removes those that are not
// ready first.
func ready(wanted []Step, delay time.Duration) []Step {
	if len(wanted) == 0 || delay <= 0 {
		return wanted
	}
	out := []Step{wanted[0]}
	var starting []Step // The counts that will be ready, at their instants; both rise.
	finish := func(now scalers.Instant) {
		for len(starting) > 0 && starting[0].At <= now {
			out, starting = append(out, starting[0]), starting[1:]
		}
	}
	for _, w := range wanted[1:] {
		finish(w.At)
		at := w.At.Add(delay)
		for len(starting) > 0 && starting[len(starting)-1].N >= w.N {
			at = starting[len(starting)-1].At // It was starting already.
			starting = starting[:len(starting)-1]
		}
		switch {
		case w.N > lastOf(out, starting):
			starting = append(starting, Step{at, w.N})
		case w.N < out[len(out)-1].N:
			out = append(out, w)
		}
	}
	finish(scalers.Never)
	return out
}

// lastOf returns the highest count that is ready or will be.
func lastOf(out, starting []Step) int32 {
	if len(starting) > 0 {
		return starting[len(starting)-1].N
	}
	return out[len(out)-1].N
}
