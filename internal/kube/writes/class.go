package writes

import "time"

// Class is how urgent a write is; a lower one is more urgent.
type Class int

const (
	// Counts are writes of the scale of a target. They wait only for each other.
	Counts Class = iota
	// Records are writes of the store of alerts. The senders of the alerts wait for them.
	Records
	// Statuses are writes of the status of objects.
	Statuses
	// Events are writes of Kubernetes Events.
	Events

	classes = int(Events) + 1
)

// String returns the name of a class in metrics.
func (c Class) String() string { return [classes]string{"counts", "records", "statuses", "events"}[c] }

// waits are the classes that wait, the most urgent one first.
var waits = [...]Class{Records, Statuses, Events}

// bounds are the bounds of each class that waits: most writes may be in flight; a class that has given way has one in each namespace, which
// begins gap after the one before in any. gap is its share.
var bounds = [classes]struct {
	most int
	gap  time.Duration
}{
	Records:  {8, 20 * time.Millisecond},
	Statuses: {8, 100 * time.Millisecond},
	Events:   {2, 500 * time.Millisecond},
}
