package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// startBudget is the time per object from the start of Impulse until all are decided.
	startBudget = time.Millisecond
	// quietAfter is how long the writes are counted after the decisions of a restart.
	quietAfter = 5 * time.Second
	// firstStart is a start without statuses.
	firstStart = "first"
)

// starts measures, for each build, the time from the start of Impulse until each object of a fleet is decided: the first time, and
// again with the statuses that the first process has written.
func starts(ctx context.Context, p *plane, n int, all []impulseBuild, o options) ([]result, error) {
	f, err := p.fleet(ctx, n)
	if err != nil {
		return nil, err
	}
	fmt.Printf("• the start of Impulse for %d objects\n", f.n)
	return inTurn(all, func(b impulseBuild) ([]result, error) {
		if err := f.clear(ctx); err != nil {
			return nil, err
		}
		first, err := f.startOnce(ctx, b, firstStart, o)
		if err != nil {
			return nil, err
		}
		f.recorded = true
		again, err := f.startOnce(ctx, b, "again", o)
		return append(first, again...), err
	})
}

// startOnce starts and stops Impulse.
func (f *fleet) startOnce(ctx context.Context, b impulseBuild, which string, o options) ([]result, error) {
	before, err := f.scrapeAPIServer(ctx)
	if err != nil {
		return nil, err
	}
	profiles := func() error { return nil }
	s, took, err := f.start(ctx, b, o, func(s *started) {
		profiles = f.profile(ctx, b, s, "start-"+which, max(5*time.Second, time.Duration(f.n)*2*time.Millisecond), o)
	})
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	if err := profiles(); err != nil {
		return nil, err
	}
	name, budget := fmt.Sprintf("start/%d/%s", f.n, which), (time.Duration(f.n) * startBudget).Seconds()
	results := []result{single(name+"/decided", "s", f.n, took.Seconds(), budget)}
	if which == firstStart {
		recorded, err := f.awaitStatuses(ctx, s, before)
		return append(results, single(name+"/recorded", "s", f.n, recorded.Seconds(), budget)), err
	}
	if err := wait(ctx, quietAfter); err != nil { // Each outcome stands, so there is nothing to write.
		return nil, err
	}
	written, err := f.statusWrites(ctx, before)
	fmt.Printf("  %s: %.0f statuses written\n", b.name, written)
	return append(results, single(name+"/status-writes", "", f.n, written, writeBudget)), errors.Join(err, s.Err())
}

// awaitStatuses returns the time from the start until the status of each object is written, and waits until no more are.
func (f *fleet) awaitStatuses(ctx context.Context, s *started, before scrape) (took time.Duration, err error) {
	for written := 0.0; int(written) < f.n; took = time.Since(s.at) {
		if took > startTimeout {
			return took, fmt.Errorf("%.0f of %d statuses were written within %s", written, f.n, startTimeout)
		}
		if err := errors.Join(s.Err(), wait(ctx, time.Second/2)); err != nil {
			return 0, err
		}
		if written, err = f.statusWrites(ctx, before); err != nil {
			return 0, err
		}
	}
	return took, f.awaitQuiet(ctx, s, 1)
}

// statusWrites returns the number of statuses that were written after a scrape of the API server.
func (f *fleet) statusWrites(ctx context.Context, before scrape) (float64, error) {
	after, err := f.scrapeAPIServer(ctx)
	const kind = "scaledobjects/status"
	return after.writes()[kind] - before.writes()[kind], err
}
