package plane

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// startWithin is how long a component may take from its start until it is ready, on a machine that compiles beside it.
	startWithin = 2 * time.Minute
	pollEvery   = 20 * time.Millisecond
)

// The steps of a start that are no components.
const (
	nodesStep           = "nodes"
	serviceAccountsStep = "service accounts"
	metricsStep         = "resource metrics"
	adapterStep         = "custom and external metrics"
)

// Finder finds or builds programs: it calls found with the path of each as soon as it is there, and returns when all are.
type Finder func(ctx context.Context, found func(name, path string)) error

// boot is one start of a sandbox: steps that wait for each other.
type boot struct {
	*Sandbox
	steps    *errgroup.Group
	begin    time.Time
	programs map[string]chan struct{} // Closed when the program is there.
	done     map[string]chan struct{} // Closed when the step is done.
	report   func(what string, after time.Duration)
}

// Boot starts every component as soon as its program and the components before it are there, and returns when all are, the
// nodes are Ready and pods can be created. Each step is reported with the time since the start. When the control plane is
// complete, and for each component that is ready after that, it calls joined, one call at a time.
func (s *Sandbox) Boot(ctx context.Context, find Finder, report func(what string, after time.Duration), joined func() error) error {
	steps, ctx := errgroup.WithContext(ctx)
	b := &boot{Sandbox: s, steps: steps, begin: time.Now(), programs: map[string]chan struct{}{}, done: map[string]chan struct{}{}, report: report}
	for _, c := range s.components {
		b.programs[c.Name], b.done[c.Name] = make(chan struct{}), make(chan struct{})
	}
	complete := make(chan struct{})
	steps.Go(func() error { return find(ctx, b.link) })
	control, others := b.start(ctx)
	steps.Go(func() error {
		defer close(complete)
		return b.join(ctx, control, others, joined)
	})
	steps.Go(func() error {
		select {
		case exit := <-s.group.Exits():
			return exit
		case <-complete:
			return nil
		}
	})
	if err := steps.Wait(); err != nil {
		return err
	}
	s.ready.Store(true)
	return nil
}

// link puts a program where the sandbox runs it from. One that cannot be linked fails when it is started.
func (b *boot) link(name, path string) {
	_ = os.Symlink(path, b.binary(name))
	if there, ok := b.programs[name]; ok {
		close(there)
	}
}

// start begins every step and returns the names of those of the control plane, and of the others.
func (b *boot) start(ctx context.Context) (control, others []string) {
	type step struct {
		name  string
		after []string
		do    func(context.Context) error
	}
	var steps []step
	for _, c := range b.components {
		steps = append(steps, step{c.Name, c.after, func(ctx context.Context) error {
			if err := b.await(ctx, b.programs[c.Name]); err != nil {
				return err
			}
			return b.Start(ctx, c.Name)
		}})
	}
	if b.runs(Kwok) {
		steps = append(steps, step{nodesStep, []string{APIServer, Kwok}, b.bootNodes})
	}
	if b.runs(ControllerManager) {
		steps = append(steps, step{serviceAccountsStep, []string{APIServer, ControllerManager}, b.awaitServiceAccount})
	}
	if b.runs(MetricsServer) {
		steps = append(steps, step{metricsStep, []string{MetricsServer}, b.bootMetrics})
	}
	if b.runs(MetricsAdapter) {
		steps = append(steps, step{adapterStep, []string{MetricsAdapter}, b.bootAdapter})
	}
	for _, s := range steps {
		b.done[s.name] = make(chan struct{})
	}
	for _, s := range steps {
		b.steps.Go(func() error { return b.step(ctx, s.name, s.after, s.do) })
		if slices.Contains([]string{MetricsServer, MetricsAdapter, NATS, Alertmanager, Prometheus, metricsStep, adapterStep}, s.name) {
			others = append(others, s.name)
		} else {
			control = append(control, s.name)
		}
	}
	return control, others
}

// step waits for its dependencies, does its work and reports it.
func (b *boot) step(ctx context.Context, name string, after []string, do func(context.Context) error) error {
	for _, before := range after {
		if err := b.await(ctx, b.done[before]); err != nil {
			return err
		}
	}
	if err := do(ctx); err != nil {
		return err
	}
	b.report(name, time.Since(b.begin))
	close(b.done[name])
	return nil
}

// join waits until the control plane is complete, and calls joined. Then it records each other component when it is ready, and calls
// joined again.
func (b *boot) join(ctx context.Context, control, others []string, joined func() error) error {
	for _, name := range control {
		if err := b.await(ctx, b.done[name]); err != nil {
			return err
		}
	}
	if err := joined(); err != nil {
		return err
	}
	arrivals := make(chan string, len(others))
	for _, name := range others {
		b.steps.Go(func() error {
			if err := b.await(ctx, b.done[name]); err != nil {
				return err
			}
			arrivals <- name
			return nil
		})
	}
	for range others {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case name := <-arrivals:
			b.arrived(name)
			if err := joined(); err != nil {
				return err
			}
		}
	}
	return nil
}

// arrived records a component that is usable: one with an API only when the API server forwards requests to it.
func (b *boot) arrived(name string) {
	switch name {
	case MetricsServer, MetricsAdapter:
	case metricsStep:
		b.joined.Store(MetricsServer, true)
	case adapterStep:
		b.joined.Store(MetricsAdapter, true)
	default:
		b.joined.Store(name, true)
	}
}

// await waits for a channel to be closed.
func (b *boot) await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-done:
		return nil
	}
}

// awaitReady polls a component until it is ready.
func (s *Sandbox) awaitReady(ctx context.Context, c component) error {
	return await(ctx, "wait for "+c.Name, func(ctx context.Context) (bool, error) {
		if err := s.group.Alive(c.Name); err != nil {
			return false, err
		}
		return s.api.answers(ctx, c.ready), nil
	})
}

// await polls until the condition is true or an error, ctx is done, or the timeout has passed.
func await(ctx context.Context, what string, poll func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startWithin, fmt.Errorf("not within %s", startWithin))
	defer cancel()
	again := time.NewTicker(pollEvery)
	defer again.Stop()
	for {
		yes, err := poll(ctx)
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
