package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// quickDuration is how long a fleet at rest is measured with -quick.
const quickDuration = 20 * time.Second

// scenario is a measurement of some size, which is the number of objects, or that of webhooks per second. quick is the size with -quick.
type scenario struct {
	name    string
	sizes   []int
	quick   int
	measure func(ctx context.Context, p *plane, size int, all []impulseBuild, o options) ([]result, error)
}

// scenarios are those with several builds, with the sizes that are measured without -objects.
var scenarios = []scenario{
	{"rest", []int{1000, 10_000}, 300, rests},
	{"start", []int{5000}, 300, starts},
	{"edge", []int{2000}, 300, edges},
	{"rate", []int{100}, 20, pressure},
}

// plane is a control plane with fleets, by their sizes.
type plane struct {
	*env

	made map[int]*fleet
}

// fleet returns the fleet of n objects, which it creates the first time.
func (p *plane) fleet(ctx context.Context, n int) (f *fleet, err error) {
	if p.made[n] == nil {
		p.made[n], err = p.newFleet(ctx, n)
	}
	return p.made[n], err
}

// sizesFor returns the sizes that are measured.
func (s *scenario) sizesFor(o options) []int {
	switch {
	case o.sized:
		return []int{o.objects}
	case o.quick:
		return []int{s.quick}
	default:
		return s.sizes
	}
}

// compared measures the scenarios that o selects, in a control plane of their own, each with all builds in turn.
func compared(ctx context.Context, o options) ([]result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := newPlane(ctx, func(process.Addresses) bool { return true }, "--without", planeOnly)
	if err != nil {
		return nil, err
	}
	defer w.close()
	defer cancel() // The watches end before the API server.
	all, err := builds(ctx, w.dir, o.base)
	if err != nil {
		return nil, err
	}
	var results []result
	p := &plane{env: w, made: map[int]*fleet{}}
	for _, s := range scenarios {
		if !o.wants(s.name) {
			continue
		}
		for _, size := range s.sizesFor(o) {
			more, err := s.measure(ctx, p, size, all, o)
			if err != nil {
				return nil, fmt.Errorf("%s/%d: %w", s.name, size, err)
			}
			results = append(results, more...)
		}
	}
	return results, nil
}

// inTurn measures each build, the last of which is this one, and returns its results with those of the base.
func inTurn(all []impulseBuild, measure func(impulseBuild) ([]result, error)) ([]result, error) {
	var base []result
	for _, b := range all {
		results, err := measure(b)
		if b.name != baseBuild {
			return besideBase(results, base), err
		}
		if err != nil { // What this build does is of interest all the same.
			fmt.Printf("  NOT MEASURED with the base: %v\n", err)
		}
		base = results
	}
	return nil, nil
}

// besideBase adds to each result that of the base with the same name.
func besideBase(results, base []result) []result {
	for i := range results {
		k := slices.IndexFunc(base, func(r result) bool { return r.Name == results[i].Name })
		if k < 0 {
			continue
		}
		results[i].Base = &baseResult{P50: base[k].P50, P99: base[k].P99}
		results[i] = results[i].ratios()
	}
	return results
}
