package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/explain"
	"github.com/impulse-sh/impulse/internal/workload"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func explainCommand() *cobra.Command {
	var c cluster
	var f format
	cmd := &cobra.Command{
		Use:   "explain [NAMESPACE/]NAME",
		Short: "Say why a workload has the replicas it has, until when, and what would change it",
		Long: "Explain shows the formula with its numbers, every rule that changed the number, what comes by itself and when, and the\n" +
			"levels at which the answer would be another one. It takes the levels that the object's status has: those of the last\n" +
			"change of outcome.",
		Example: `  impulse explain web -n shop
  impulse explain shop/web -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			so, err := c.get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			w, mistakes := workload.Compile(so, builtin.Kinds(), workload.DefaultSettings())
			if w == nil {
				return fmt.Errorf("%s/%s is not understood: %w", so.Namespace, so.Name, joined(mistakes))
			}
			in, err := explain.InputOf(w, &so.Status, time.Now())
			if err != nil {
				return fmt.Errorf("explain %s: %w", w.Key(), err)
			}
			e := explain.Explain(w.Policy, in)
			return f.print(cmd.OutOrStdout(), e, func(out io.Writer) error {
				return e.Text(out, fmt.Sprintf("%s (%s)", w.Key(), w.Target))
			})
		},
	}
	c.flags(cmd)
	f.flag(cmd)
	return cmd
}

// joined is every mistake as one error.
func joined(mistakes []*workload.Mistake) error {
	all := make([]error, len(mistakes))
	for i, m := range mistakes {
		all[i] = errors.New(m.String()) //nolint:err113 // It is what the user wrote.
	}
	return errors.Join(all...)
}
