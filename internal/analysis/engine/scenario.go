package engine

import (
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// Scenario is one workload and all that happens to it. Running it does not change it.
type Scenario struct {
	// Policy must be valid.
	Policy *scalers.Policy
	// Start is when the workload is first seen. There is always a decision then.
	Start scalers.Instant
	// Replicas is the target's count at Start; all of them are ready.
	Replicas int32
	// StartupDelay is how long a new replica takes to become ready.
	StartupDelay time.Duration
	// Ready overrides the number of ready pods: while it returns true, its number replaces the one that follows from StartupDelay. It
	// may be nil.
	Ready func(at scalers.Instant) (int32, bool)
	// Memory is the memory at Start; the zero Memory is that of a new workload.
	Memory scalers.Memory
	// Feeds are the sources of Policy.Triggers, in their order. A trigger without a feed is never read: its level is unknown.
	Feeds []Feed
	// Writes are the counts that other clients write, ordered by time.
	Writes []Write
}

// Write is a count that another client writes.
type Write struct {
	At scalers.Instant
	To int32
}

// Target is the state of the target at an instant.
type Target struct {
	// Current is its spec.replicas, Ready the number of its ready pods.
	Current, Ready int32
}

// Feed is the source of one trigger on virtual time. It is a function of time and target: it has no state.
type Feed interface {
	// Next returns the first instant after t at which there may be a reading; scalers.Never when there is none.
	Next(t scalers.Instant) scalers.Instant
	// Read returns the reading at t, and false when there is none: then the last reading remains valid. It is called at the
	// scenario's start and at the instants that Next returned. The engine fills in Trigger, At, Current and Ready.
	Read(t scalers.Instant, target Target) (scalers.Event, bool)
}
