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
	var f format
	cmd := &cobra.Command{
		Use:   "history [NAMESPACE/]NAME",
		Short: "Show the last decisions on a workload, those that scaled nothing too, and why",
		Long: "History shows the last ten decisions whose outcome was another than the one before: the count, who asked for it, and\n" +
			"the rules that spoke. The newest is last.",
		Example: `  impulse history web -n shop
  impulse history shop/web -o yaml

  # Of a process that runs with --config
  impulse history shop/web --config ./scaledobjects/ --state-dir /var/lib/impulse`,
		Args: oneObject,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.check(), c.check(cmd)); err != nil {
				return err
			}
			so, err := c.get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			past := so.Status.History
			if len(past) == 0 && f == "text" {
				return fmt.Errorf("history of %s/%s: %w", so.Namespace, so.Name, explain.Undecided(&so.Status))
			}
			return f.print(cmd.OutOrStdout(), past, func(w io.Writer) error { return explain.History(w, past) })
		},
	}
	c.flags(cmd)
	f.flag(cmd)
	return cmd
}
