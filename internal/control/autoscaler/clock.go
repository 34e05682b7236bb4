package autoscaler

import (
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// NewClock returns the clock of a process: wall time as of now plus the monotonic time since. Setting the machine's clock
// meanwhile changes nothing.
func NewClock() func() time.Time {
	began := time.Now()
	wall := began.Round(0)
	return func() time.Time { return wall.Add(time.Since(began)) }
}

// now is the current instant.
func (a *Autoscaler) now() scalers.Instant { return scalers.InstantOf(a.options.Now()) }
