package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	// decideBudget is the reference for a decision in nanoseconds: 2 million decisions per second and core.
	decideBudget = 500
	// podsBudget is the reference for a decision on sixty pods in nanoseconds: 200 000 per second and core.
	podsBudget = 5000
)

// benchLine is a line of `go test -bench -benchmem`.
var benchLine = regexp.MustCompile(`(?m)^Benchmark(Decide\S*?)(?:-\d+)?\s+\d+\s+([\d.]+) ns/op.*?(\d+) allocs/op`)

// decide runs the benchmarks of the core ten times and summarizes them, or once and shortly if only allocations matter. A benchmark that allocates
// is an error.
func decide(ctx context.Context, onlyAllocations bool) ([]result, error) {
	fmt.Println("• decisions")
	each, times := "300ms", 10
	if onlyAllocations {
		each, times = "20ms", 1
	}
	out, err := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkDecide", "-benchmem",
		"-benchtime", each, "-count", strconv.Itoa(times), "./scalers").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("run the benchmarks of the core: %w\n%s", err, out)
	}
	all, order := map[string][]float64{}, []string(nil)
	var allocates []error
	for _, m := range benchLine.FindAllStringSubmatch(string(out), -1) {
		name := "decide" + strings.TrimPrefix(m[1], "Decide")
		ns, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return nil, fmt.Errorf("read %q: %w", m[0], err)
		}
		if all[name] == nil {
			order = append(order, name)
		}
		all[name] = append(all[name], ns)
		if m[3] != "0" {
			allocates = append(allocates, fmt.Errorf("%s: %s allocations", name, m[3]))
		}
	}
	if len(order) == 0 {
		return nil, fmt.Errorf("no benchmark of the core was run:\n%s", out)
	}
	var results []result
	for _, name := range order {
		sorted := slices.Sorted(slices.Values(all[name]))
		budget := float64(decideBudget)
		if strings.HasPrefix(name, "decidePods") {
			budget = podsBudget
		}
		r := result{Name: name, Unit: "ns", N: len(sorted), P50: sorted[len(sorted)/2], P99: sorted[len(sorted)-1], ReferenceP50: budget, ReferenceP99: budget}
		results = append(results, r.ratios())
	}
	return results, errors.Join(allocates...)
}
