package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// fleetScenario is a measurement of a fleet of some size.
type fleetScenario struct {
	name    string
	sizes   []int
	measure func(*fleet, context.Context, []impulseBuild, options) ([]result, error)
}

// fleetScenarios are the measurements of fleets, with the sizes without -objects.
var fleetScenarios = []fleetScenario{
	{"rest", []int{1000, 10_000}, (*fleet).rests},
	{"start", []int{5000}, (*fleet).starts},
}

// fleets measures the scenarios of fleets that o selects, in a control plane of their own, each with all builds in turn.
func fleets(ctx context.Context, o options) ([]result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := newPlane(ctx, func(process.Addresses) bool { return true }, "--without", planeOnly)
	if err != nil {
		return nil, err
	}
	defer w.close()
	all, err := builds(ctx, w.dir, o.base)
	if err != nil {
		return nil, err
	}
	var results []result
	made := map[int]*fleet{}
	for _, s := range fleetScenarios {
		if !o.wants(s.name) {
			continue
		}
		sizes := s.sizes
		if o.sized {
			sizes = []int{o.objects}
		}
		for _, n := range sizes {
			if made[n] == nil {
				if made[n], err = w.newFleet(ctx, n); err != nil {
					return nil, err
				}
			}
			more, err := s.measure(made[n], ctx, all, o)
			if err != nil {
				return nil, fmt.Errorf("%s/%d: %w", s.name, n, err)
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
		if err != nil {
			return nil, fmt.Errorf("build %s: %w", b.name, err)
		}
		if b.name != baseBuild {
			return besideBase(results, base), nil
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
