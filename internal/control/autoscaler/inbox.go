package autoscaler

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
)

// inbox holds the inputs for the next call of loop.Step: one slot for each trigger, one for the target, one for the write and one for the
// workload. A newer input replaces an older one, so nothing queues, grows or blocks. Each input wakes the item, which drains the inbox. An
// inbox is empty for most of the time, and then small.
type inbox struct {
	item *workqueue.Item
	// triggers is the number of triggers.
	triggers int

	mu sync.Mutex
	// readings has a reading of each trigger whose bit is set in arrived.
	readings    *readings
	arrived     uint32
	observation *actuator.Observation
	// result is that of the write in flight.
	result   *loop.Result
	workload *compile.Workload
	// ends has the parts that have ended since drainEnds.
	ends []partEnd
}

// partEnd is the end of a part, and why it has ended.
type partEnd struct {
	part int
	err  error
}

func newInbox(triggers int, item *workqueue.Item) inbox {
	return inbox{item: item, triggers: triggers}
}

// readings has room for a reading of each trigger of one workload.
type readings struct{ all []scalers.Event }

// unusedReadings are those that no inbox uses now.
var unusedReadings = sync.Pool{New: func() any { return &readings{} }}

func newReadings(n int) *readings {
	r, _ := unusedReadings.Get().(*readings)
	r.all = slices.Grow(r.all[:0], n)[:n]
	return r
}

// release lets another inbox use the readings; r may be nil.
func (r *readings) release() {
	if r != nil {
		clear(r.all)
		unusedReadings.Put(r)
	}
}

// putReading puts in the newest reading of trigger i.
func (b *inbox) putReading(i int, e scalers.Event) {
	b.mu.Lock()
	if b.readings == nil {
		b.readings = newReadings(b.triggers)
	}
	b.readings.all[i] = e
	b.arrived |= 1 << i
	b.mu.Unlock()
	b.item.Wake()
}

// putObservation puts in the newest observation of the target.
func (b *inbox) putObservation(o actuator.Observation) {
	b.mu.Lock()
	b.observation = &o
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
	b.result = &r
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
// inputs contain the returned readings, which the caller releases after the step.
func (b *inbox) drain(in *loop.Inputs) (*compile.Workload, *readings) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w, all := b.workload, b.readings
	if all != nil {
		in.Readings, in.Arrived = all.all, b.arrived
	}
	if b.observation != nil {
		in.Observation, in.Observed = *b.observation, true
	}
	if b.result != nil {
		in.Result, in.WriteEnded = *b.result, true
	}
	b.readings, b.arrived, b.observation, b.result, b.workload = nil, 0, nil, nil, nil
	return w, all
}

// waiting returns the number of readings in the inbox.
func (b *inbox) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bits.OnesCount32(b.arrived)
}
