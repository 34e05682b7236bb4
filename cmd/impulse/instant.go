package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/analysis/explain"
	"github.com/impulse-sh/impulse/internal/analysis/policytest"
	"github.com/impulse-sh/impulse/internal/analysis/simulate"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// instant holds the flags that select an instant of a test or a simulation.
type instant struct {
	file, run, input, at, capacity string
	startupDelay                   time.Duration
}

func (i *instant) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&i.run, "run", "", "with a test file: explain the test whose name matches this regular expression")
	f.StringVar(&i.at, "at", "0s", "with a file: the instant, as a time (RFC 3339) or as a duration since the start")
	f.StringVar(&i.input, "input", "", "with a file of ScaledObjects: CSV file with the load of a simulation")
	f.StringVar(&i.capacity, "capacity-per-replica", "", "with --input: load that one ready replica handles")
	f.DurationVar(&i.startupDelay, "startup-delay", 0, "with --input: time until a new replica is ready")
	_ = cmd.MarkFlagFilename("input", "csv")
}

// namesFile reports whether an argument names a file rather than an object: it is -, starts with / or ., or has the extension of YAML
// or JSON. The answer does not depend on which files exist.
func namesFile(arg string) bool {
	return arg == "-" || strings.HasPrefix(arg, "/") || strings.HasPrefix(arg, ".") ||
		slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(arg))
}

// check returns an error if flags are set that the others leave without an effect.
func (i *instant) check(cmd *cobra.Command) error {
	if i.file == "" {
		return without(cmd, "a file", "run", "at", "input", "capacity-per-replica", "startup-delay")
	}
	return cmp.Or(
		needs(cmd, "input", "capacity-per-replica", "startup-delay"),
		excludes(cmd, "input", "run"),
		with(cmd, "a file", append(connectionNames(cmd), "namespace", "all-namespaces", "selector", "config", "state-dir", "lease-namespace", "live")...),
	)
}

var (
	errOneTest = errors.New("select one test with --run")
	errAt      = errors.New("is neither a time, such as 2026-03-01T08:00:00Z, nor a duration since the start, such as 45s")
	errEarly   = errors.New("is before the start")
)

// explain explains the decision at the instant.
func (i *instant) explain(cmd *cobra.Command) (*explain.Explanation, string, error) {
	scenario, about, err := i.scenario(cmd)
	if err != nil {
		return nil, "", err
	}
	at, err := i.time(scenario.Start)
	if err != nil {
		return nil, "", err
	}
	in, ok := scenario.LastInput(at)
	if !ok {
		return nil, "", fmt.Errorf("--at %s %w", i.at, errEarly)
	}
	return explain.Explain(scenario.Policy, in, scenario.Timetables(), nil), about, nil
}

// scenario returns the scenario of the test or the simulation, and what to call it.
func (i *instant) scenario(cmd *cobra.Command) (*engine.Scenario, string, error) {
	if i.input != "" {
		scenario, err := simulate.First(cmd.Context(), simulate.Options{
			Kinds: builtin.Kinds(), Files: []string{i.file}, Input: i.input, Stdin: cmd.InOrStdin(), Capacity: i.capacity, StartupDelay: i.startupDelay,
		})
		return scenario, i.file, err
	}
	wanted, err := regexp.Compile(i.run)
	if err != nil {
		return nil, "", fmt.Errorf("--run: %w", err)
	}
	tests, problems, err := policytest.Load([]string{i.file}, cmd.InOrStdin(), builtin.Kinds())
	if err != nil {
		return nil, "", err
	}
	for _, p := range problems {
		return nil, "", p
	}
	tests = policytest.Select(tests, wanted.MatchString)
	if len(tests) != 1 {
		return nil, "", fmt.Errorf("%d tests of %s match: %w", len(tests), i.file, errOneTest)
	}
	return tests[0].Scenario(), fmt.Sprintf("%q", tests[0].Name), nil
}

// time reads --at.
func (i *instant) time(start scalers.Instant) (scalers.Instant, error) {
	if since, err := time.ParseDuration(i.at); err == nil {
		return start.Add(since), nil
	}
	at, err := time.Parse(time.RFC3339Nano, i.at)
	if err != nil {
		return 0, fmt.Errorf("--at: %q %w", i.at, errAt)
	}
	return scalers.InstantOf(at), nil
}
