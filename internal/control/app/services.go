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

// lastMoment is how long services that are stopped after the grace have to say what is lost.
const lastMoment = 200 * time.Millisecond

// stop stops all services, the newest first, and waits for each before it stops the next. If that takes longer than grace, it stops the others
// at once, and returns an error.
func (s *services) stop(grace time.Duration) error {
	limit := time.NewTimer(grace)
	defer limit.Stop()
	for i, one := range slices.Backward(s.all) {
		one.stop()
		select {
		case <-one.done:
		case <-limit.C:
			abandon(s.all[:i])
			return fmt.Errorf("%s did not stop within %s", one.name, grace)
		}
	}
	return nil
}

// abandon stops services together, and waits for lastMoment at most.
func abandon(all []service) {
	for _, one := range all {
		one.stop()
	}
	limit := time.After(lastMoment)
	for _, one := range all {
		select {
		case <-one.done:
		case <-limit:
			return
		}
	}
}
