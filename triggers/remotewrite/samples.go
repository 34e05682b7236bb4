package remotewrite

import (
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// maxSeries bounds the series of one trigger.
const maxSeries = 10_000

// samples has the selected series. One goroutine at a time uses it.
type samples struct {
	config Config
	// since is when the trigger began to receive samples.
	since  time.Time
	series map[identity]*series
	// refused is when the last series was refused because there were maxSeries.
	refused time.Time
	// misdated describes the last sample whose time is more than a ttl away; "" if a later one is not.
	misdated string
}

func newSamples(c Config) *samples {
	return &samples{config: c, series: map[identity]*series{}}
}

// failover is how long a replica counts without a sample.
func (s *samples) failover() time.Duration { return min(failover, s.config.TTL/2) }

// apply applies what a write request has of a selected series.
func (s *samples) apply(written *triggers.Series, now time.Time) {
	id, replica := identify(written, s.config.ReplicaLabels)
	one := s.series[id]
	switch {
	case one == nil && len(s.series) >= maxSeries:
		s.refused = now
		return
	case one == nil:
		one = &series{replica: replica, received: now}
	case !one.accepts(replica, now, s.failover()):
		return
	}
	window := time.Duration(0)
	if s.config.Aggregation == rate {
		window = s.config.Window
	}
	if now.Sub(one.current) > s.config.TTL {
		one.points = nil // Nothing is known about the time without samples.
	}
	if written.Histograms > 0 {
		one.histogram, one.ended, one.received, one.current = true, false, now, now
	}
	for _, sample := range written.Samples {
		if s.misdated = misdated(sample.At, now, s.config.TTL); s.misdated == "" {
			one.observe(sample, now, window)
		}
	}
	if !one.current.IsZero() {
		s.series[id] = one
	}
}

// misdated describes a time that is more than ttl away from now; "" for another one.
func misdated(at, now time.Time, ttl time.Duration) string {
	switch age := now.Sub(at); {
	case age > ttl:
		return "the last sample is from " + age.Round(time.Second).String() + " ago"
	case age < -ttl:
		return "the last sample is from a time in " + (-age).Round(time.Second).String() + ": is the clock of its server right?"
	default:
		return ""
	}
}
