package plane

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	bootWithin = 2 * time.Minute
	askEvery   = 20 * time.Millisecond
)

// Boot starts every component as soon as those before it are ready, and returns when all are, the nodes are Ready and pods
// can be created. Each step is told with the time since the beginning.
func (s *Sandbox) Boot(ctx context.Context, tell func(what string, after time.Duration)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bootWithin, fmt.Errorf("not ready within %s", bootWithin))
	defer cancel()
	begin := time.Now()
	ready := map[string]chan struct{}{}
	for _, c := range s.components {
		ready[c.Name] = make(chan struct{})
	}
	starting, ctx := errgroup.WithContext(ctx)
	step := func(what string, after []string, do func(context.Context) error) {
		starting.Go(func() error {
			for _, before := range after {
				select {
				case <-ctx.Done():
					return context.Cause(ctx)
				case <-ready[before]:
				}
			}
			if err := do(ctx); err != nil {
				return err
			}
			if done, ok := ready[what]; ok {
				close(done)
			}
			tell(what, time.Since(begin))
			return nil
		})
	}
	for _, c := range s.components {
		step(c.Name, c.after, func(ctx context.Context) error { return s.Start(ctx, c.Name) })
	}
	if s.runs(Kwok) {
		step("nodes", []string{APIServer}, s.bootNodes)
	}
	if s.runs(MetricsServer) {
		step("resource metrics", []string{MetricsServer}, s.bootMetrics)
	}
	if s.runs(ControllerManager) {
		step("service accounts", []string{APIServer}, s.awaitServiceAccount)
	}
	if err := starting.Wait(); err != nil {
		return err
	}
	s.ready.Store(true)
	return nil
}

// awaitReady asks a component until it answers that it is ready.
func (s *Sandbox) awaitReady(ctx context.Context, c component) error {
	return await(ctx, "wait for "+c.Name, func(ctx context.Context) (bool, error) {
		if err := s.group.Alive(c.Name); err != nil {
			return false, err
		}
		return s.api.answers(ctx, c.ready), nil
	})
}

// await asks until the answer is yes, an error, or ctx is done.
func await(ctx context.Context, what string, ask func(context.Context) (bool, error)) error {
	again := time.NewTicker(askEvery)
	defer again.Stop()
	for {
		yes, err := ask(ctx)
		if yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		case <-again.C:
		}
	}
}
