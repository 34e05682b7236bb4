package pipeline

import (
	"sync"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

// mailbox is where news waits for the pipeline: one slot for each trigger and one for the target. The newest of each is the
// whole truth, so nothing queues, grows or blocks.
type mailbox struct {
	wake chan struct{}

	mu          *sync.Mutex
	events      []scalers.Event
	fresh       []bool
	observation *actuator.Observation
}

func newMailbox(n int) mailbox {
	return mailbox{wake: make(chan struct{}, 1), mu: &sync.Mutex{}, events: make([]scalers.Event, n), fresh: make([]bool, n)}
}

// event puts down the newest event of trigger i.
func (m *mailbox) event(i int, e scalers.Event) {
	m.mu.Lock()
	m.events[i], m.fresh[i] = e, true
	m.mu.Unlock()
	m.ring()
}

// observe puts down the newest observation of the target.
func (m *mailbox) observe(o actuator.Observation) {
	m.mu.Lock()
	m.observation = &o
	m.mu.Unlock()
	m.ring()
}

func (m *mailbox) ring() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// take empties the mailbox: it calls event for each trigger with news, and returns the observation, if there is one.
func (m *mailbox) take(event func(i int, e scalers.Event)) *actuator.Observation {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, fresh := range m.fresh {
		if fresh {
			event(i, m.events[i])
			m.fresh[i] = false
		}
	}
	o := m.observation
	m.observation = nil
	return o
}
