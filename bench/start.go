package main

import (
	"context"
	"fmt"
	"time"
)

const (
	// startBudget is the time per object from the start of Impulse until all are decided.
	startBudget = time.Millisecond
	// quietAfter is how long the writes are counted after the decisions of a restart.
	quietAfter = 5 * time.Second
)

// starts measures, for each build, the time from the start of Impulse until each object of a fleet is decided: the first time, and
// again with the statuses that the first process has written.
func (f *fleet) starts(ctx context.Context, all []impulseBuild, o options) ([]result, error) {
	fmt.Printf("• the start of Impulse for %d objects\n", f.n)
	return inTurn(all, func(b impulseBuild) ([]result, error) {
		if err := f.clear(ctx); err != nil {
			return nil, err
		}
		first, err := f.startOnce(ctx, b, "first", o)
		if err != nil {
			return nil, err
		}
		again, err := f.startOnce(ctx, b, "again", o)
		return append(first, again...), err
	})
}

// startOnce starts and stops Impulse. The writes of a start are counted until it is quiet.
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
	if err := wait(ctx, quietAfter); err != nil {
		return nil, err
	}
	if err := f.awaitQuiet(ctx, s, 1); err != nil {
		return nil, err
	}
	after, err := f.scrapeAPIServer(ctx)
	if err != nil {
		return nil, err
	}
	written := after.writes()["scaledobjects/status"] - before.writes()["scaledobjects/status"]
	fmt.Printf("  %s: %.0f statuses written\n", b.name, written)
	name, budget := fmt.Sprintf("start/%d/%s", f.n, which), time.Duration(f.n)*startBudget
	writes := float64(f.n)
	if which == "again" { // Each outcome stands.
		writes = writeBudget
	}
	return []result{
		single(name+"/decided", "s", f.n, took.Seconds(), budget.Seconds()),
		single(name+"/status-writes", "", f.n, written, writes),
	}, s.Err()
}
