package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/override"
)

// errSwitch is returned if the first argument is neither on nor off.
var errSwitch = errors.New("begin with on or off")

func dryRunCommand() *cobra.Command {
	var e editor
	cmd := &cobra.Command{
		Use:   "dry-run (on | off) (NAME... | -l SELECTOR | --all)",
		Short: "Decide and report without writing counts, or write them again",
		Long: "Dry-run sets spec.dryRun of ScaledObjects: while it is on, Impulse decides and reports, and writes no counts. A tool that applies\n" +
			"manifests may set the field back: see docs/cli.md.\n" +
			"Exit code: 0 all are switched, 2 one could not be changed.",
		Example: `  impulse dry-run on web -n shop
  impulse dry-run off -l team=checkout
  impulse dry-run on --all -A`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] != "on" && args[0] != "off" {
				return errSwitch
			}
			return e.run(cmd, args[1:], func(*v1alpha1.ScaledObject) change {
				return change{edit: override.DryRun(args[0] == "on"), done: "dry run " + args[0], unchanged: "its dry run is " + args[0] + " already"}
			})
		},
	}
	e.flags(cmd)
	names := cmd.ValidArgsFunction
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return []string{"on", "off"}, cobra.ShellCompDirectiveNoFileComp
		}
		return names(cmd, args[1:], typed)
	}
	return cmd
}
