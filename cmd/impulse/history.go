package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/explain"
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
  impulse history shop/web -o yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			so, err := c.get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			past := so.Status.History
			return f.print(cmd.OutOrStdout(), past, func(w io.Writer) error { return explain.History(w, past) })
		},
	}
	c.flags(cmd)
	f.flag(cmd)
	return cmd
}
