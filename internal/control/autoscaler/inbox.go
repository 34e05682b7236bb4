package autoscaler

import (
	"math/bits"
	"sync"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
)

// inbox holds the inputs for the next call of loop.Step: one slot for each trigger, one for the target and one for the workload. A newer
// input replaces an older one, so nothing queues, grows or blocks.
type inbox struct {
	// wake gets an element when an input is put in, so that the loop drains the inbox. It may have one although the inbox is empty.
	wake chan struct{}

	mu sync.Mutex
	// readings has a reading of each trigger whose bit is set in arrived; spare is the slice that the last drain returned.
	readings, spare []scalers.Event
	arrived         uint32
	observation     actuator.Observation
	observed        bool
	workload        *compile.Workload
}

func newInbox(n int) *inbox {
	return &inbox{wake: make(chan struct{}, 1), readings: make([]scalers.Event, n), spare: make([]scalers.Event, n)}
}

// putReading puts in the newest reading of trigger i.
func (b *inbox) putReading(i int, e scalers.Event) {
	b.mu.Lock()
	b.readings[i] = e
	b.arrived |= 1 << i
	b.mu.Unlock()
	b.notify()
}

// putObservation puts in the newest observation of the target.
func (b *inbox) putObservation(o actuator.Observation) {
	b.mu.Lock()
	b.observation, b.observed = o, true
	b.mu.Unlock()
	b.notify()
}

// putWorkload puts in the newest version of the workload.
func (b *inbox) putWorkload(w *compile.Workload) {
	b.mu.Lock()
	b.workload = w
	b.mu.Unlock()
	b.notify()
}

func (b *inbox) notify() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// drain moves everything into the inputs of loop.Step, and returns the newest version of the workload, or nil if none has arrived. The
// readings are valid until the next call.
func (b *inbox) drain(in *loop.Inputs) *compile.Workload {
	b.mu.Lock()
	defer b.mu.Unlock()
	in.Readings, in.Arrived = b.readings, b.arrived
	in.Observation, in.Observed = b.observation, b.observed
	w := b.workload
	b.readings, b.spare = b.spare, b.readings
	b.arrived, b.observed, b.workload = 0, false, nil
	return w
}

// waiting returns the number of readings in the inbox.
func (b *inbox) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bits.OnesCount32(b.arrived)
}
