package autoscaler

import (
	"context"
	"sync"

	"github.com/impulse-sh/impulse/actuator"
)

// Shadow returns an Actuator for one target that writes nothing: a count that is written to it is, from then on, the target's count
// for those that watch through it. Counts that others write to the real target are not observed after that; its pods are.
func Shadow(real Actuator) Actuator { return &shadow{real: real} }

// shadow is a target with the count that a shadow policy would have given it.
type shadow struct {
	real Actuator

	mu sync.Mutex
	// observed is the target as it was last observed, with that count; hasCount is true once a count was written. changed receives it; nil
	// before Follow.
	observed actuator.Observation
	hasCount bool
	changed  func(actuator.Observation)
}

// Follow follows the real target, and replaces its count.
func (s *shadow) Follow(t actuator.Target, o actuator.WatchOptions, changed func(actuator.Observation)) (stop func(), err error) {
	s.mu.Lock()
	s.changed = changed
	s.mu.Unlock()
	return s.real.Follow(t, o, s.observe)
}

// observe passes on an observation of the real target. It is passed on under the lock, as in Set, so that one with the count of before a
// write never follows the write.
func (s *shadow) observe(o actuator.Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Scale.UID != s.observed.Scale.UID {
		s.hasCount = false // Another target of the same name starts with its own count.
	}
	if s.hasCount {
		o.Scale.Replicas = s.observed.Scale.Replicas
	}
	o.ForeignHPA = "" // A shadow does not compete with it.
	s.observed = o
	s.changed(o)
}

// Set stores the count, which is observed at once.
func (s *shadow) Set(_ context.Context, _ actuator.Target, _ actuator.Scale, n int32) (actuator.Scale, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observed.Scale.Replicas, s.hasCount = n, true
	s.changed(s.observed)
	return s.observed.Scale, nil
}

// Pods returns the real target's pods.
func (s *shadow) Pods(namespace, selector string) ([]actuator.Pod, error) {
	return s.real.Pods(namespace, selector)
}
