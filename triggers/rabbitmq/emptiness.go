package rabbitmq

import (
	"errors"
	"sync"
	"time"
)

// confirmation is how long a queue must be reported empty and without consumers after messages were waiting.
const confirmation = time.Minute

var errUnconfirmed = errors.New("messages were waiting before, and now there are neither messages nor consumers: " +
	"the server answers this also for a quorum queue without a leader, so it must last for a minute")

// emptiness decides whether a queue that is read over AMQP is empty. If the leader of a quorum queue does not answer, as during an election or
// in a partition, the server reports neither messages nor consumers, and no error. A queue that has consumers is what the server reports.
type emptiness struct {
	mu sync.Mutex
	// waiting is true if messages were waiting at the last confirmed answer, and since is the time of the first one after it.
	waiting bool
	since   time.Time
}

// check returns an error if an answer is not confirmed yet.
func (e *emptiness) check(q queue, now time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if *q.ready > 0 || q.consumers > 0 {
		e.waiting, e.since = *q.ready > 0, time.Time{}
		return nil
	}
	if e.waiting && e.since.IsZero() {
		e.since = now
	}
	if e.waiting && now.Sub(e.since) < confirmation {
		return errUnconfirmed
	}
	e.waiting, e.since = false, time.Time{}
	return nil
}
