package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/analysis/explain"
)

func historyCommand() *cobra.Command {
	var c cluster
	var o output
	cmd := &cobra.Command{
		Use:   "history [NAMESPACE/]NAME",
		Short: "Show the last decisions on a workload, and why each was made",
		Long: "History shows up to ten decisions whose outcome differed from the one before, including those that scaled nothing: the count,\n" +
			"the trigger that determined it, and the rules that changed it. The newest is last; with -o json and yaml it is first.",
		Example: `  impulse history web -n shop
  impulse history shop/web -o yaml

  # An object of an Impulse that runs with --config
  impulse history shop/web --config ./scaledobjects/ --state-dir /var/lib/impulse`,
		Args: oneObject,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(o.check(), c.check(cmd)); err != nil {
				return err
			}
			so, err := c.get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			past := so.Status.History
			if len(past) == 0 && o.value == "text" {
				return fmt.Errorf("history of %s/%s: %w", so.Namespace, so.Name, explain.Undecided(&so.Status))
			}
			return o.write(cmd.OutOrStdout(), past, func(w io.Writer) error { return explain.History(w, past) })
		},
	}
	c.flags(cmd)
	o.flag(cmd)
	return cmd
}
