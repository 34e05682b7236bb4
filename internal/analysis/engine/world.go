// Package engine lets a workload live in a virtual world: a clock that takes no time, a target that obeys at once, and
// readings, alerts and other people's writes that come as they are written down.
//
// It decides as internal/control/autoscaler does: all that is due at an instant is applied first, then there is one decision, if
// anything called for one; the core is asked again at every Next; our own write calls for no decision, and the memory is
// told of it.
package engine

import (
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// World is one workload and all that will happen to it. Living through it does not change it.
type World struct {
	// Policy is valid.
	Policy *scalers.Policy
	// Start is when the world begins. There is always a decision then: the workload is met.
	Start scalers.Instant
	// Replicas is the target's count at Start; all of them are ready.
	Replicas int32
	// StartupDelay is how long a new replica takes to become ready.
	StartupDelay time.Duration
	// Ready says how many pods are ready instead of what StartupDelay gives, where it says true; it may be nil.
	Ready func(at scalers.Instant) (int32, bool)
	// Memory is what is remembered at Start; the zero one is that of first sight.
	Memory scalers.Memory
	// Feeds are the sources of Policy.Triggers, in their order. A nil one says nothing, ever: its trigger is unknown.
	Feeds []Feed
	// Writes are those of other hands, in the order of time.
	Writes []Write
}

// Write is a count that somebody else writes.
type Write struct {
	At scalers.Instant
	To int32
}

// Target is what is true of the target at an instant.
type Target struct {
	// Current is its spec.replicas, Ready the number of its ready pods.
	Current, Ready int32
}

// Feed is what one trigger reads in a virtual world. It is a function of time and target: it remembers nothing.
type Feed interface {
	// Next returns the first instant after t at which there may be something to read; scalers.Never when there is none.
	Next(t scalers.Instant) scalers.Instant
	// Read returns what is read at t, and false when that is nothing: then the last reading stands. It is asked at the
	// world's start and at the instants that Next named. Trigger, At, Current and Ready are filled in by the world.
	Read(t scalers.Instant, target Target) (scalers.Event, bool)
}
