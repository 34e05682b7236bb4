package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/bench/source"
	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// differentQueries is the number of different queries of all objects.
	differentQueries = 10
	// sharedRounds is the number of intervals in which requests are counted.
	sharedRounds = 4
)

// idleBudget is the CPU that Impulse may use for objects whose triggers are not polled, in seconds per minute.
const idleBudget = 1

// sharedQueries counts the requests that objects with the same few queries lead to, at a real Prometheus. In the same time, it measures the
// CPU of an Impulse whose triggers are not polled, which is a part of that of every other one.
func (c *costs) sharedQueries(ctx context.Context) ([]result, error) {
	fmt.Printf("• %d objects with the same %d queries every %s\n", c.options.objects, differentQueries, costInterval)
	objects := make([]object, c.options.objects)
	for i := range objects {
		objects[i] = object{name: source.Workload(i), interval: costInterval, kind: "prometheus", metadata: source.PrometheusMetadata(c.at.Prometheus, i%differentQueries)}
	}
	url, p, err := c.runObjects(ctx, "same-queries", objects)
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	for i := range objects {
		objects[i].kind, objects[i].metadata = "cron", map[string]string{"timezone": "UTC", "start": "0 0 1 1 *", "end": "0 1 1 1 *", "desiredReplicas": "1"}
	}
	_, idle, err := c.runObjects(ctx, "not-polled", objects)
	if err != nil {
		return nil, err
	}
	defer idle.Stop()
	decided := func(ctx context.Context) (float64, error) { return c.sum(ctx, url, "impulse_decisions_total") }
	err = process.WaitFor(ctx, time.Minute, "each object has been read", func(ctx context.Context) (bool, error) {
		decisions, err := decided(ctx)
		return err == nil && decisions >= float64(c.options.objects), p.Err()
	})
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, steadyTime); err != nil {
		return nil, err
	}
	answered := func() (float64, error) {
		return c.sum(ctx, c.at.Prometheus, "prometheus_http_requests_total", `handler="/api/v1/query"`)
	}
	began := time.Now()
	before, err1 := answered()
	decisions, err2 := decided(ctx)
	used, err3 := processCPU(idle.PID())
	if err := errors.Join(err1, err2, err3, wait(ctx, sharedRounds*costInterval)); err != nil {
		return nil, err
	}
	after, err1 := answered()
	later, err2 := decided(ctx)
	usedLater, err3 := processCPU(idle.PID())
	took := time.Since(began)
	if err := errors.Join(err1, err2, err3, p.Err(), idle.Err()); err != nil {
		return nil, err
	}
	fmt.Printf("  %.0f requests for %.0f readings of triggers\n", after-before, later-decisions)
	rate := (after - before) / took.Seconds()
	return []result{
		single(fmt.Sprintf("cost/requests/%d-objects-%d-queries", c.options.objects, differentQueries), "/s", int(later-decisions), rate,
			differentQueries/costInterval.Seconds()),
		single(fmt.Sprintf("cost/cpu/not-polled/%d-triggers", c.options.objects), "s/min", 0, (usedLater-used).Seconds()/took.Minutes(), idleBudget),
	}, nil
}
