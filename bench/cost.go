package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/bench/source"
	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// costNamespace has the workloads whose triggers' cost is measured. costInterval is their polling interval.
	costNamespace = "bench-cost"
	costInterval  = 5 * time.Second
	// costTogether is the number of sources that are measured at the same time.
	costTogether = 3
)

// costs are the servers that triggers read, and what runs for all of them.
type costs struct {
	*env

	options options
	host    *source.Host
	watcher *watcher
}

// cost measures what triggers cost, each beside its client library alone: CPU, requests, and the time from a reading to the write.
func cost(ctx context.Context, o options) ([]result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, sources, err := startCosts(ctx, o)
	if err != nil {
		return nil, err
	}
	defer c.close()
	defer c.host.Close()
	defer cancel() // The watch ends before the API server.
	var results []result
	if o.source == "" {
		if results, err = c.sharedQueries(ctx); err != nil {
			return nil, fmt.Errorf("the same queries: %w", err)
		}
	}
	for together := range slices.Chunk(sources, costTogether) {
		results = append(results, c.measureSources(ctx, together)...)
	}
	more, err := c.pushes(ctx)
	if err != nil {
		return nil, err
	}
	results = append(results, more...)
	if more, err = c.rotation(ctx); err != nil {
		return nil, fmt.Errorf("rotate a token: %w", err)
	}
	results = append(results, more...)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	slices.SortStableFunc(results, func(a, b result) int { return strings.Compare(family(a), family(b)) })
	return results, nil
}

// family returns the part of a result's name that says what is measured.
func family(r result) string {
	elements := strings.SplitN(r.Name, "/", 3)
	return strings.Join(elements[:2], "/")
}

// startCosts starts a control plane of its own, with the servers, and creates the workloads.
func startCosts(ctx context.Context, o options) (c *costs, sources []source.Source, err error) {
	ready := func(at process.Addresses) bool {
		return at.MetricsServer != "" && at.MetricsAdapter != "" && at.NATS != "" && at.Prometheus != ""
	}
	w, err := newEnv(ctx, ready, "--with", "metrics-server,metrics-adapter,nats,prometheus", "--without", "controller-manager,scheduler")
	if err != nil {
		return nil, nil, err
	}
	c = &costs{env: w, options: o, host: &source.Host{Dir: w.dir, Sandbox: w.at, Namespace: costNamespace, Levels: o.objects + 1}}
	defer func() {
		if err != nil {
			c.host.Close()
			c.close()
		}
	}()
	if err := os.Chmod(w.dir, 0o711); err != nil { // Some servers run as other users.
		return nil, nil, fmt.Errorf("make the folder accessible: %w", err)
	}
	if err := w.createNamespace(ctx, costNamespace); err != nil {
		return nil, nil, err
	}
	fmt.Printf("• starting servers with %d levels each, and making %d Deployments\n", c.host.Levels, o.objects)
	var missing []string
	var created error
	var all sync.WaitGroup
	all.Go(func() { created = c.createTargets(ctx) })
	sources, missing, err = source.Start(ctx, c.host, o.source)
	all.Wait()
	if err := errors.Join(err, created); err != nil {
		return nil, nil, err
	}
	for _, reason := range missing {
		fmt.Printf("  NOT MEASURED: %s\n", reason)
	}
	c.watcher, err = w.watch(ctx)
	return c, sources, err
}

// createTargets creates the Deployments.
func (c *costs) createTargets(ctx context.Context) error {
	for i := range c.options.objects {
		if err := c.createDeployment(ctx, costNamespace, source.Workload(i), source.Workload(i), low); err != nil {
			return err
		}
	}
	return nil
}

// measureSources measures some sources at the same time: first the CPU of all of them, and then the reactions. A source that fails, such as
// on a machine that is too busy, is reported and has no results.
func (c *costs) measureSources(ctx context.Context, together []source.Source) []result {
	all := make([]*measured, len(together))
	for i, s := range together {
		all[i] = &measured{costs: c, source: s}
		defer all[i].stop()
	}
	for _, step := range []func(*measured, context.Context) error{(*measured).start, (*measured).measureCPU, (*measured).measureReactions} {
		var steps sync.WaitGroup
		for _, m := range all {
			if m.failed == nil {
				steps.Go(func() { m.failed = step(m, ctx) })
			}
		}
		steps.Wait()
	}
	var results []result
	for _, m := range all {
		if m.failed != nil {
			fmt.Printf("  NOT MEASURED: %s: %v\n", m.source.Name, m.failed)
			continue
		}
		results = append(results, m.results...)
	}
	return results
}
