package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/analysis/explain"
	"github.com/impulse-sh/impulse/internal/analysis/policytest"
	"github.com/impulse-sh/impulse/internal/analysis/simulate"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// rehearsed are the flags of an instant in a test or a simulation.
type rehearsed struct {
	file, run, input, at, capacity string
	startupDelay                   time.Duration
}

func (r *rehearsed) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&r.file, "filename", "f", "", "test file, or with --input an object")
	f.StringVar(&r.run, "run", "", "with a test file: the test whose name matches this regular expression")
	f.StringVar(&r.at, "at", "0s", "with -f: instant, as a time or since the begin")
	f.StringVar(&r.input, "input", "", "with -f: CSV file with the load of a simulation")
	f.StringVar(&r.capacity, "capacity-per-replica", "", "with --input: how much load a ready replica bears")
	f.DurationVar(&r.startupDelay, "startup-delay", 0, "with --input: how long a new replica takes to be ready")
}

// check refuses flags that the others leave without a meaning.
func (r *rehearsed) check(cmd *cobra.Command) error {
	return cmp.Or(
		needs(cmd, "filename", "run", "at", "input", "capacity-per-replica", "startup-delay"),
		needs(cmd, "input", "capacity-per-replica", "startup-delay"),
		excludes(cmd, "input", "run"),
		excludes(cmd, "filename", "kubeconfig", "context", "namespace", "config", "state-dir"),
	)
}

// Errors of an instant that cannot be explained.
var (
	errOneTest = errors.New("name one test with --run")
	errAt      = errors.New("is neither a time, such as 2026-03-01T08:00:00Z, nor a duration since the begin, such as 45s")
	errEarly   = errors.New("is before the begin")
)

// explain explains the decision at the instant.
func (r *rehearsed) explain(cmd *cobra.Command) (*explain.Explanation, string, error) {
	world, about, err := r.world(cmd)
	if err != nil {
		return nil, "", err
	}
	at, err := r.instant(world.Start)
	if err != nil {
		return nil, "", err
	}
	in, ok := world.LastInput(at)
	if !ok {
		return nil, "", fmt.Errorf("--at %s %w", r.at, errEarly)
	}
	return explain.Explain(world.Policy, in, world.Timetables(), nil), about, nil
}

// world is the test's or the simulation's.
func (r *rehearsed) world(cmd *cobra.Command) (*engine.Scenario, string, error) {
	if r.input != "" {
		world, err := simulate.First(cmd.Context(), simulate.Options{
			Kinds: builtin.Kinds(), Files: []string{r.file}, Input: r.input, Stdin: cmd.InOrStdin(), Capacity: r.capacity, StartupDelay: r.startupDelay,
		})
		return world, r.file, err
	}
	wanted, err := regexp.Compile(r.run)
	if err != nil {
		return nil, "", fmt.Errorf("--run: %w", err)
	}
	tests, problems, err := policytest.Load([]string{r.file}, cmd.InOrStdin(), builtin.Kinds())
	if err != nil {
		return nil, "", err
	}
	for _, p := range problems {
		return nil, "", errors.New(p.Error()) //nolint:err113 // It is what the user wrote.
	}
	tests = policytest.Select(tests, wanted.MatchString)
	if len(tests) != 1 {
		return nil, "", fmt.Errorf("%d tests of %s match: %w", len(tests), r.file, errOneTest)
	}
	return tests[0].Scenario(), fmt.Sprintf("%q", tests[0].Name), nil
}

// instant reads --at.
func (r *rehearsed) instant(start scalers.Instant) (scalers.Instant, error) {
	if since, err := time.ParseDuration(r.at); err == nil {
		return start.Add(since), nil
	}
	at, err := time.Parse(time.RFC3339Nano, r.at)
	if err != nil {
		return 0, fmt.Errorf("--at: %q %w", r.at, errAt)
	}
	return scalers.InstantOf(at), nil
}
