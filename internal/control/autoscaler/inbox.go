package autoscaler

import (
	"sync"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// inbox is where inputs wait for the next step: one slot for each trigger, one for the target and one for the workload. A newer
// input replaces an older one, so nothing queues, grows or blocks.
type inbox struct {
	// wake is full while the inbox is not empty.
	wake chan struct{}

	mu   sync.Mutex
	mail mail
	// spare is the slice of readings that is not in use.
	spare []scalers.Event
}

// mail is what has arrived since the last drain.
type mail struct {
	// readings has a reading of each trigger whose bit is set in arrived.
	readings    []scalers.Event
	arrived     uint32
	observation actuator.Observation
	observed    bool
	workload    *compile.Workload
}

func newInbox(n int) *inbox {
	return &inbox{
		wake: make(chan struct{}, 1), spare: make([]scalers.Event, n), mail: mail{readings: make([]scalers.Event, n)},
	}
}

// putReading puts in the newest reading of trigger i.
func (b *inbox) putReading(i int, e scalers.Event) {
	b.mu.Lock()
	b.mail.readings[i] = e
	b.mail.arrived |= 1 << i
	b.mu.Unlock()
	b.notify()
}

// putObservation puts in the newest observation of the target.
func (b *inbox) putObservation(o actuator.Observation) {
	b.mu.Lock()
	b.mail.observation, b.mail.observed = o, true
	b.mu.Unlock()
	b.notify()
}

// putWorkload puts in the newest version of the workload.
func (b *inbox) putWorkload(w *compile.Workload) {
	b.mu.Lock()
	b.mail.workload = w
	b.mu.Unlock()
	b.notify()
}

func (b *inbox) notify() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// drain empties the inbox. The readings are valid until the next call.
func (b *inbox) drain() mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	drained := b.mail
	b.mail = mail{readings: b.spare}
	b.spare = drained.readings
	return drained
}
