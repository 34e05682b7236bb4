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
	// scale is the target with that count; hasCount is true once a count was written.
	scale    actuator.Scale
	hasCount bool
}

// Follow follows the real target, and replaces its count.
func (s *shadow) Follow(t actuator.Target, o actuator.WatchOptions, changed func(actuator.Observation)) (stop func(), err error) {
	return s.real.Follow(t, o, func(observed actuator.Observation) { changed(s.observe(observed)) })
}

func (s *shadow) observe(o actuator.Observation) actuator.Observation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Scale.UID != s.scale.UID {
		s.hasCount = false // Another target of the same name starts with its own count.
	}
	if s.hasCount {
		o.Scale.Replicas = s.scale.Replicas
	}
	s.scale = o.Scale
	o.ForeignHPA = "" // A shadow does not compete with it.
	return o
}

// Set stores the count.
func (s *shadow) Set(_ context.Context, _ actuator.Target, _ actuator.Scale, n int32) (actuator.Scale, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scale.Replicas, s.hasCount = n, true
	return s.scale, nil
}

// Pods returns the real target's pods.
func (s *shadow) Pods(namespace, selector string) ([]actuator.Pod, error) {
	return s.real.Pods(namespace, selector)
}
