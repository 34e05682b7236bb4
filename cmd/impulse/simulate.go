package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/analysis/simulate"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func simulateCommand() *cobra.Command {
	o := simulate.Options{Kinds: builtin.Kinds()}
	var f format
	var plot string
	cmd := &cobra.Command{
		Use:   "simulate -f FILE... --input LOAD.csv",
		Short: "Rehearse policies on a recorded load, beside what others would have done",
		Long: "Simulate lets every ScaledObject in the files loose on the same load, on the decision core that scales in production and\n" +
			"on a virtual clock, and counts what came of it: replica-hours, the share of time with too few and too many ready\n" +
			"replicas and by how many, changes, changes that were soon taken back, and the longest time in which work waited.\n\n" +
			"The load is a CSV file: a first row with names, time first, then a row for each time. The column of a trigger's name is\n" +
			"what it reads; a column named value is read by all others. Without --input, the load is what the objects' own queries\n" +
			"gave in a Prometheus between --from and --to.",
		Example: `  impulse simulate -f checkout.yaml --input load.csv

  # Two policies beside the HPA, KEDA and the perfect oracle, and a picture of all
  impulse simulate -f today.yaml -f better.yaml --input load.csv --startup-delay 30s \
    --baseline hpa,keda,oracle --plot load.html

  # On last week's load
  impulse simulate -f checkout.yaml --prometheus http://prometheus:9090 --from 168h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := errors.Join(f.check(), cmp.Or(
				excludes(cmd, "input", "prometheus", "from", "to", "step", "timeout"),
				needs(cmd, "prometheus", "from", "to", "step", "timeout"),
			))
			if err != nil {
				return err
			}
			bar := progressOn(cmd.ErrOrStderr())
			o.Passed, o.Now, o.Stdin = bar.show, time.Now(), cmd.InOrStdin()
			result, err := simulate.Simulate(cmd.Context(), o)
			bar.clear()
			if err != nil {
				return err
			}
			if plot != "" {
				if err := result.PlotTo(plot); err != nil {
					return err
				}
			}
			return f.print(cmd.OutOrStdout(), result, result.Table)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&o.Files, "filename", "f", nil, "file or folder of ScaledObjects, KEDA's or HPAs; may be repeated")
	flags.StringVar(&o.Input, "input", "", "CSV file with the load; - is the standard input")
	flags.StringVar(&o.Prometheus, "prometheus", "", "URL of a Prometheus to take the load from")
	flags.StringVar(&o.From, "from", "1h", "with --prometheus: begin, as a time or as how long ago")
	flags.StringVar(&o.To, "to", "0s", "with --prometheus: end, as a time or as how long ago")
	flags.DurationVar(&o.Step, "step", 0, "with --prometheus: time between two points (default: the first object's pollingInterval)")
	flags.DurationVar(&o.Timeout, "timeout", simulate.AnswerWithin, "with --prometheus: how long it may take to answer one query")
	flags.StringVar(&o.Column, "load", "", "column that replicas have to bear (default: the first)")
	flags.StringVar(&o.Capacity, "capacity-per-replica", "", "how much load a ready replica bears (default: the target of the first trigger that shares the load)")
	flags.DurationVar(&o.StartupDelay, "startup-delay", 0, "how long a new replica takes to be ready")
	flags.StringSliceVar(&o.Baselines, "baseline", []string{"oracle"}, fmt.Sprintf("what to compare with: %v", simulate.Baselines()))
	flags.StringVar(&plot, "plot", "", "draw a picture into this file: .png, .svg or .html")
	_ = cmd.MarkFlagRequired("filename")
	f.flag(cmd)
	return cmd
}
