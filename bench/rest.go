package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// writeBudget is the number of writes per minute of a fleet at rest, leaseBudget that of renewals of the Lease per second.
	writeBudget, leaseBudget = 1, 1
	// impulseBudget is the CPU of Impulse for restReadings readings, and apiServerBudget that of the API server per minute, both in seconds.
	impulseBudget, apiServerBudget = 3.5, 3
	restReadings                   = 12_000
	// goroutineBudget is the number of goroutines per object, and objectBudget that of bytes beside the object's own size in the API.
	goroutineBudget, objectBudget = 0.05, 25 << 10
	// peakBudget is the ratio of the requests in the busiest second to those in the mean one.
	peakBudget = 1.5
	// restRounds is the number of readings of each object before the measurement.
	restRounds = 2
)

// memoryBudget is the memory of Impulse for n objects, in MiB: 60 for 1000 and 250 for 10 000.
func memoryBudget(n int) float64 { return 60 + float64(n-1000)*(250-60)/9000 }

// atRest is what was counted at one moment of a fleet at rest.
type atRest struct {
	at                 time.Time
	impulse, apiServer time.Duration
	writes             map[string]float64
	mallocs, decisions float64
}

// count reads all counters. The CPU is read last before the measurement and first after it, so that no scrape is a part of it.
func (f *fleet) count(ctx context.Context, s *started, before bool) (c atRest, err error) {
	clocks := func() error {
		c.at = time.Now()
		var err1, err2 error
		c.impulse, err1 = processCPU(s.PID())
		c.apiServer, err2 = f.apiServerCPU()
		return errors.Join(err1, err2)
	}
	counters := func() error {
		own, err1 := f.scrape(ctx, s.url)
		server, err2 := f.scrapeAPIServer(ctx)
		c.writes = server.writes()
		_, c.mallocs = own.sum("go_memstats_mallocs_total")
		_, c.decisions = own.sum("impulse_decisions_total")
		return errors.Join(err1, err2)
	}
	if before {
		return c, errors.Join(counters(), clocks())
	}
	return c, errors.Join(clocks(), counters())
}

// rests measures a fleet whose replicas need not change, for each build: each process finds the statuses that another one has written.
func rests(ctx context.Context, p *plane, n int, all []impulseBuild, o options) ([]result, error) {
	f, err := p.fleet(ctx, n)
	if err != nil {
		return nil, err
	}
	fmt.Printf("• %d objects that are read every %s, within %.0f %% of their target, for %s\n", f.n, f.interval, 100*hoverShare, o.duration)
	if err := f.recordStatuses(ctx, all[0], o); err != nil {
		return nil, err
	}
	return inTurn(all, func(b impulseBuild) ([]result, error) { return f.rest(ctx, b, o) })
}

// recordStatuses runs a build until the status of each object is written, unless there are statuses.
func (f *fleet) recordStatuses(ctx context.Context, b impulseBuild, o options) error {
	if f.recorded {
		return nil
	}
	before, err := f.scrapeAPIServer(ctx)
	if err != nil {
		return err
	}
	s, _, err := f.start(ctx, b, o, func(*started) {})
	if err != nil {
		return err
	}
	defer s.Stop()
	_, err = f.awaitStatuses(ctx, s, before)
	f.recorded = err == nil
	return err
}

// rest measures one build.
func (f *fleet) rest(ctx context.Context, b impulseBuild, o options) ([]result, error) {
	empty, err := f.idle(ctx, b, o)
	if err != nil {
		return nil, err
	}
	s, _, err := f.start(ctx, b, o, func(*started) {})
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	if err := f.awaitQuiet(ctx, s, restRounds); err != nil {
		return nil, err
	}
	before, err := f.count(ctx, s, true)
	if err != nil {
		return nil, err
	}
	profiles := f.profile(ctx, b, s, "rest", o.duration, o)
	if err := wait(ctx, o.duration-time.Since(before.at)); err != nil {
		return nil, err
	}
	after, err := f.count(ctx, s, false)
	if err != nil {
		return nil, errors.Join(err, s.Err())
	}
	full, err := s.memory(ctx, f.env)
	if err := errors.Join(err, profiles()); err != nil {
		return nil, err
	}
	size, err := f.bytesPerObject(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Concat(f.activity(before, after), f.peak(before.at, after.at), f.footprint(full, empty, size)), s.Err()
}

// activity compares two counts.
func (f *fleet) activity(before, after atRest) []result {
	minutes, readings := after.at.Sub(before.at).Minutes(), after.decisions-before.decisions
	perMinute, sum := map[string]float64{}, 0.0
	for kind, n := range after.writes {
		if d := n - before.writes[kind]; d > 0 {
			perMinute[kind] = d / minutes
			if kind != "leases" {
				sum += d / minutes
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(perMinute)) {
		fmt.Printf("  %.1f writes of %s per minute\n", perMinute[kind], kind)
	}
	one := func(name, unit string, value, budget float64) result {
		return single(fmt.Sprintf("rest/%d/%s", f.n, name), unit, int(readings), value, budget)
	}
	impulse, server := (after.impulse-before.impulse).Seconds()/minutes, (after.apiServer-before.apiServer).Seconds()/minutes
	return []result{
		one("writes", "/min", sum, writeBudget),
		one("writes/statuses", "/min", perMinute["scaledobjects/status"], writeBudget),
		one("writes/events", "/min", perMinute["events"], writeBudget),
		one("writes/scales", "/min", perMinute["deployments/scale"], writeBudget),
		one("lease-writes", "/s", perMinute["leases"]/60, leaseBudget),
		one("cpu/impulse", "s/min", impulse, max(1, readings/minutes/restReadings)*impulseBudget),
		one("cpu/api-server", "s/min", server, apiServerBudget),
		one("allocations-per-reading", "", (after.mallocs-before.mallocs)/max(readings, 1), 0),
	}
}

// peak is the ratio of the busiest second at the source to the mean one.
func (f *fleet) peak(from, to time.Time) []result {
	seconds, sum := f.source.perSecond(from, to), 0
	for _, n := range seconds {
		sum += n
	}
	if sum == 0 {
		return nil
	}
	mean := float64(sum) / float64(len(seconds))
	fmt.Printf("  %.1f requests per second at the source, at least %d, at most %d\n", mean, slices.Min(seconds), slices.Max(seconds))
	return []result{single(fmt.Sprintf("rest/%d/source-peak", f.n), "", sum, float64(slices.Max(seconds))/mean, peakBudget)}
}

// footprint compares the memory and the goroutines of an Impulse with all objects and of one without any. size is that of an object in the API.
func (f *fleet) footprint(full, empty footprint, size int) []result {
	n := float64(f.n)
	perObject := (full.live - empty.live) / n
	fmt.Printf("  RSS %.0f MiB, without objects %.0f MiB; %.1f KiB of live memory per object, which has %.1f KiB in the API; %.0f goroutines, without objects %.0f\n",
		full.rss/mib, empty.rss/mib, perObject/kib, float64(size)/kib, full.goroutines, empty.goroutines)
	one := func(name, unit string, value, budget float64) result {
		return single(fmt.Sprintf("rest/%d/%s", f.n, name), unit, f.n, value, budget)
	}
	return []result{
		one("rss", "MiB", full.rss/mib, memoryBudget(f.n)),
		one("memory-per-object", "KiB", perObject/kib, float64(objectBudget+size)/kib),
		one("goroutines-per-object", "", (full.goroutines-empty.goroutines)/n, goroutineBudget),
	}
}
