package main

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/analysis/simulate"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func simulateCommand() *cobra.Command {
	o := simulate.Options{Kinds: builtin.Kinds()}
	var out output
	var plot string
	cmd := &cobra.Command{
		Use:   "simulate FILE... {--input LOAD.csv | --prometheus URL}",
		Short: "Run policies on a recorded load, and compare them with other autoscalers",
		Long: "Simulate runs every ScaledObject (also KEDA's, and HPAs) of the files and folders on the same load, with the decision core that\n" +
			"scales in production and a virtual clock. It measures replica-hours, the share of time with too few and too many ready replicas\n" +
			"and by how many, the changes, those that were soon reverted, and the longest time during which work had to wait.\n\n" +
			"The load is a CSV file: the first row has the column names, time first, and each further row the values at one time. A trigger\n" +
			"reads the column with its name, or else the column named value, or else the only column. Without --input, the load comes from\n" +
			"a Prometheus: the results of the first object's PromQL queries between --from and --to.",
		Example: `  impulse simulate checkout.yaml --input load.csv

  # Two policies compared with the HPA, KEDA and a perfect oracle, and a picture of all
  impulse simulate today.yaml better.yaml --input load.csv --startup-delay 30s \
    --baseline hpa,keda,oracle --plot load.html

  # The load of the last week
  impulse simulate checkout.yaml --prometheus http://prometheus:9090 --from 168h`,
		Args: someFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Files = args
			err := errors.Join(out.check(), cmp.Or(
				excludes(cmd, "input", "prometheus", "from", "to", "step", "timeout"),
				needs(cmd, "prometheus", "from", "to", "step", "timeout"),
			))
			if err != nil {
				return err
			}
			bar := progressOn(cmd.ErrOrStderr())
			o.Progress, o.Now, o.Stdin = bar.show, time.Now(), cmd.InOrStdin()
			result, err := simulate.Simulate(cmd.Context(), o)
			bar.clear()
			if err != nil {
				return err
			}
			if err := plotTo(plot, result); err != nil {
				return err
			}
			return out.write(cmd.OutOrStdout(), result, result.Table)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Input, "input", "", "CSV file with the load; - is standard input")
	flags.StringVar(&o.Prometheus, "prometheus", "", "URL of a Prometheus to read the load from")
	flags.StringVar(&o.From, "from", "1h", "with --prometheus: start of the load, as a time (RFC 3339) or as a duration before now")
	flags.StringVar(&o.To, "to", "0s", "with --prometheus: end of the load, as a time (RFC 3339) or as a duration before now")
	flags.DurationVar(&o.Step, "step", 0, "with --prometheus: time between two samples (default: the pollingInterval of the first object)")
	flags.DurationVar(&o.Timeout, "timeout", simulate.DefaultTimeout, "with --prometheus: timeout of one query")
	flags.StringVar(&o.Column, "load-column", "", "column with the load that replicas handle (default: the first)")
	flags.StringVar(&o.Capacity, "capacity-per-replica", "", "load that one ready replica handles (default: the target of the first trigger with an AverageValue)")
	flags.DurationVar(&o.StartupDelay, "startup-delay", 0, "time until a new replica is ready")
	flags.StringSliceVar(&o.Baselines, "baseline", []string{"oracle"}, "autoscalers to compare with: "+strings.Join(simulate.Baselines(), ", "))
	flags.StringVar(&plot, "plot", "", "write a picture to this file; its extension is .png, .svg or .html")
	_ = cmd.MarkFlagFilename("input", "csv")
	_ = cmd.MarkFlagFilename("plot", "png", "svg", "html")
	out.flag(cmd)
	return cmd
}

// plotTo writes a picture of a result to a file, unless the name is "".
func plotTo(file string, result *simulate.Result) error {
	if file == "" {
		return nil
	}
	return result.PlotTo(file)
}
