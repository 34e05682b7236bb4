package autoscaler

import (
	"sync"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// mailbox is where news waits for the pipeline: one slot for each trigger, one for the target and one for the workload. The
// newest of each is the whole truth, so nothing queues, grows or blocks.
type mailbox struct {
	// wake is full while there is something to take.
	wake chan struct{}

	mu   sync.Mutex
	mail mail
	// spare is the slice of events that the taker has done with.
	spare []scalers.Event
}

// mail is what came since the last time.
type mail struct {
	// events holds a reading where fresh has its bit set.
	events      []scalers.Event
	fresh       uint32
	observation actuator.Observation
	observed    bool
	workload    *compile.Workload
}

func newMailbox(n int) *mailbox {
	return &mailbox{
		wake: make(chan struct{}, 1), spare: make([]scalers.Event, n), mail: mail{events: make([]scalers.Event, n)},
	}
}

// event puts down the newest event of trigger i.
func (m *mailbox) event(i int, e scalers.Event) {
	m.mu.Lock()
	m.mail.events[i] = e
	m.mail.fresh |= 1 << i
	m.mu.Unlock()
	m.ring()
}

// observation puts down the newest observation of the target.
func (m *mailbox) observation(o actuator.Observation) {
	m.mu.Lock()
	m.mail.observation, m.mail.observed = o, true
	m.mu.Unlock()
	m.ring()
}

// workload puts down the newest policy.
func (m *mailbox) workload(w *compile.Workload) {
	m.mu.Lock()
	m.mail.workload = w
	m.mu.Unlock()
	m.ring()
}

func (m *mailbox) ring() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// take empties the mailbox. The events are valid until the next call.
func (m *mailbox) take() mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.mail
	m.mail = mail{events: m.spare}
	m.spare = taken.events
	return taken
}
