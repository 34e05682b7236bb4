package autoscaler

import (
	"context"
	"sync"

	"github.com/impulse-sh/impulse/actuator"
)

// Shadow returns an Actuator for one target that writes nowhere: what is written to it is the target's count from then on,
// for who watches through it. What others write to the real target is no longer seen then; its pods are.
func Shadow(real Actuator) Actuator { return &shadow{real: real} }

// shadow is the count of a target that does not have it.
type shadow struct {
	real Actuator

	mu sync.Mutex
	// scale is the target as it would be, own once something was written.
	scale actuator.Scale
	own   bool
}

// Watch tells of the real target, with the count that it would have.
func (s *shadow) Watch(ctx context.Context, t actuator.Target, o actuator.WatchOptions, changed func(actuator.Observation)) error {
	return s.real.Watch(ctx, t, o, func(seen actuator.Observation) { changed(s.see(seen)) })
}

func (s *shadow) see(seen actuator.Observation) actuator.Observation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen.Scale.UID != s.scale.UID {
		s.own = false // Another target of the same name: it begins anew.
	}
	if s.own {
		seen.Scale.Replicas = s.scale.Replicas
	}
	s.scale = seen.Scale
	seen.ForeignHPA = "" // It is in nobody's way.
	return seen
}

// Set takes a count for written.
func (s *shadow) Set(_ context.Context, _ actuator.Target, _ actuator.Scale, n int32) (actuator.Scale, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scale.Replicas, s.own = n, true
	return s.scale, nil
}

// Pods returns the real target's pods.
func (s *shadow) Pods(namespace, selector string) ([]actuator.Pod, error) {
	return s.real.Pods(namespace, selector)
}
