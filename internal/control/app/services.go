package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// services run as long as the process, and are stopped one by one, the newest first.
type services struct{ all []service }

type service struct {
	name string
	stop context.CancelFunc
	done chan struct{}
}

// start runs a service until it is stopped. One that ends by itself with an error ends the process.
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

// stop stops every service, the newest first, and waits for each, for grace in all.
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
