package remotewrite

import (
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// failover is how long a replica of a Prometheus counts without a sample before another one takes its place, or half of the ttl if that is shorter.
const failover = 30 * time.Second

// maxPoints is the number of parts of a window. Of two samples in the same part, only the newer one is kept.
const maxPoints = 32

// series is one selected series.
type series struct {
	// replica wrote the samples that count.
	replica string
	// at is the timestamp of the newest sample, and value its value.
	at    time.Time
	value float64
	// received is when a sample of replica was received. current is the earlier one of that and at: the series counts from then for a ttl.
	received, current time.Time
	// ended: the newest sample is a stale marker. histogram: it is a native histogram.
	ended, histogram bool
	// points are the samples of the window of a rate, with values that no reset of the counter lowers.
	points []point
}

// point is one value of a counter.
type point struct {
	at    time.Time
	value float64
}

// accepts reports whether the samples of a replica count, and makes another replica count if the former one has stopped.
func (s *series) accepts(replica string, now time.Time, after time.Duration) bool {
	if s.replica == replica {
		return true
	}
	if now.Sub(s.received) < after {
		return false
	}
	s.replica = replica
	return true
}

// observe applies a sample of the replica that counts. It ignores one that is not newer than the last: a repeat, or one that was overtaken.
func (s *series) observe(one triggers.Sample, now time.Time, window time.Duration) {
	s.received = now
	if !one.At.After(s.at) {
		return
	}
	again := s.ended || s.histogram
	before := s.value
	s.at, s.value, s.ended, s.histogram = one.At, one.Value, one.Stale, false
	if s.current = now; one.At.Before(now) {
		s.current = one.At
	}
	switch {
	case one.Stale:
		s.points = nil
	case window > 0:
		if again {
			s.points = nil
		}
		s.addPoint(before, window)
	}
}

// addPoint adds the newest sample to points. It keeps the newest point that is as old as the window, so that the points cover
// the window.
func (s *series) addPoint(before float64, window time.Duration) {
	p := point{s.at, s.value}
	if n := len(s.points); n > 0 {
		increase := s.value - before
		if increase < 0 { // The counter was reset, and has counted from 0 since.
			increase = s.value
		}
		p.value = s.points[n-1].value + increase
		if n > 1 && s.points[n-1].at.Sub(s.points[n-2].at) < window/maxPoints {
			s.points = s.points[:n-1] // The points are close enough without it.
		}
	}
	s.points = append(s.points, p)
	for len(s.points) > 2 && p.at.Sub(s.points[1].at) >= window {
		s.points = s.points[1:]
	}
}

// perSecond returns the increase per second over the points. It reports false for fewer than two.
func (s *series) perSecond() (float64, bool) {
	if len(s.points) < 2 {
		return 0, false
	}
	first, last := s.points[0], s.points[len(s.points)-1]
	return (last.value - first.value) / last.at.Sub(first.at).Seconds(), true
}
