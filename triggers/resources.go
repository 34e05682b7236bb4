package triggers

import (
	"context"

	"github.com/impulse-sh/impulse/scalers"
)

// WithResources returns a source that has resources, such as a connection, while it runs. acquire is called at the start. It returns the
// source that does the work, and a function that is called after that source has ended, or if it could not start.
func WithResources(acquire func() (p Passive, release func(), err error)) Passive {
	return &resourceful{acquire}
}

// resourceful is a source with resources.
type resourceful struct {
	acquire func() (Passive, func(), error)
}

// Start acquires the resources and starts the source.
func (s *resourceful) Start(emit func(scalers.Event)) (func(), error) {
	p, release, err := s.acquire()
	if err != nil {
		return nil, err
	}
	stop, err := p.Start(emit)
	if err != nil {
		release()
		return nil, err
	}
	return func() {
		stop()
		release()
	}, nil
}

// Run is Start until ctx is done.
func (s *resourceful) Run(ctx context.Context, emit func(scalers.Event)) error {
	return RunPassive(ctx, s, emit)
}
