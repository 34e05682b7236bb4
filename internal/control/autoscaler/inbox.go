package autoscaler

import (
	"math/bits"
	"sync"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
)

// inbox holds the inputs for the next call of loop.Step: one slot for each trigger, one for the target, one for the write and one for the
// workload. A newer input replaces an older one, so nothing queues, grows or blocks. Each input wakes the item, which drains the inbox.
type inbox struct {
	item *workqueue.Item

	mu sync.Mutex
	// readings has a reading of each trigger whose bit is set in arrived; spare is the slice that the last drain returned.
	readings, spare []scalers.Event
	arrived         uint32
	observation     actuator.Observation
	observed        bool
	// result is that of the write in flight.
	result     loop.Result
	writeEnded bool
	workload   *compile.Workload
	// ends has the parts that have ended since drainEnds.
	ends []partEnd
}

// partEnd is the end of a part, and why it has ended.
type partEnd struct {
	part int
	err  error
}

func newInbox(n int, item *workqueue.Item) inbox {
	return inbox{item: item, readings: make([]scalers.Event, n), spare: make([]scalers.Event, n)}
}

// putReading puts in the newest reading of trigger i.
func (b *inbox) putReading(i int, e scalers.Event) {
	b.mu.Lock()
	b.readings[i] = e
	b.arrived |= 1 << i
	b.mu.Unlock()
	b.item.Wake()
}

// putObservation puts in the newest observation of the target.
func (b *inbox) putObservation(o actuator.Observation) {
	b.mu.Lock()
	b.observation, b.observed = o, true
	b.mu.Unlock()
	b.item.Wake()
}

// putWorkload puts in the newest version of the workload.
func (b *inbox) putWorkload(w *compile.Workload) {
	b.mu.Lock()
	b.workload = w
	b.mu.Unlock()
	b.item.Wake()
}

// putResult puts in the result of the write in flight.
func (b *inbox) putResult(r loop.Result) {
	b.mu.Lock()
	b.result, b.writeEnded = r, true
	b.mu.Unlock()
	b.item.Wake()
}

// putEnd puts in the end of a part.
func (b *inbox) putEnd(e partEnd) {
	b.mu.Lock()
	b.ends = append(b.ends, e)
	b.mu.Unlock()
	b.item.Wake()
}

// drainEnds returns the parts that have ended since the last call.
func (b *inbox) drainEnds() []partEnd {
	b.mu.Lock()
	defer b.mu.Unlock()
	ends := b.ends
	b.ends = nil
	return ends
}

// drain moves everything but the ends of parts into the inputs of loop.Step, and returns the newest version of the workload, or nil if none has arrived. The
// readings are valid until the next call.
func (b *inbox) drain(in *loop.Inputs) *compile.Workload {
	b.mu.Lock()
	defer b.mu.Unlock()
	in.Readings, in.Arrived = b.readings, b.arrived
	in.Observation, in.Observed = b.observation, b.observed
	in.Result, in.WriteEnded = b.result, b.writeEnded
	w := b.workload
	b.readings, b.spare = b.spare, b.readings
	b.arrived, b.observed, b.workload = 0, false, nil
	b.result, b.writeEnded = loop.Result{}, false
	return w
}

// waiting returns the number of readings in the inbox.
func (b *inbox) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bits.OnesCount32(b.arrived)
}
