package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// services are the goroutines of a process. They are stopped one after the other, the newest first.
type services struct{ all []service }

type service struct {
	name string
	stop context.CancelFunc
	done chan struct{}
}

// start starts a service, which runs until stop is called. If run returns an error before that, fail is called with it.
func (s *services) start(ctx context.Context, name string, fail context.CancelCauseFunc, run func(context.Context) error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	one := service{name: name, stop: stop, done: make(chan struct{})}
	s.all = append(s.all, one)
	go func() {
		defer close(one.done)
		err := run(ctx)
		if err == nil || errors.Is(err, context.Canceled) && ctx.Err() != nil {
			return
		}
		fail(fmt.Errorf("%s: %w", name, err))
	}()
}

// stop stops all services, the newest first, and waits for each before it stops the next. It returns an error if that takes longer than
// grace.
func (s *services) stop(grace time.Duration) error {
	limit := time.NewTimer(grace)
	defer limit.Stop()
	for i, one := range slices.Backward(s.all) {
		one.stop()
		select {
		case <-one.done:
		case <-limit.C:
			for _, rest := range s.all[:i] {
				rest.stop()
			}
			return fmt.Errorf("%s did not stop within %s", one.name, grace)
		}
	}
	return nil
}
