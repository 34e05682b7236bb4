package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/explain"
)

// chronicle holds the flags of impulse history.
type chronicle struct {
	cluster
	selection

	output output
}

func historyCommand() *cobra.Command {
	var h chronicle
	cmd := &cobra.Command{
		Use:   "history [[NAMESPACE/]NAME...]",
		Short: "Show the last decisions on workloads, and why each was made",
		Long: "History shows up to ten decisions whose outcome differed from the one before, including those that scaled nothing: the count,\n" +
			"the trigger that determined it, and the rules that changed it. The newest is last; with -o json and yaml it is first. Without a name\n" +
			"it shows the decisions on all objects of the namespace, with -A on all objects of the cluster, ordered by time.",
		Example: `  impulse history web -n shop
  impulse history shop/web -o yaml

  # What was decided last in the cluster
  impulse history -A | tail

  # An object of an Impulse that runs with --config
  impulse history shop/web --config ./scaledobjects/ --state-dir /var/lib/impulse`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(h.output.check(), h.cluster.check(cmd), h.selection.check(cmd, args)); err != nil {
				return err
			}
			all, failed := h.read(cmd.Context(), &h.cluster, args)
			if len(all) == 0 && failed != nil {
				return failed
			}
			if len(args) == 1 {
				return h.one(cmd, all[0])
			}
			return errors.Join(h.several(cmd, all), failed)
		},
	}
	h.cluster.flags(cmd)
	h.selection.flags(cmd)
	h.output.flag(cmd)
	completeNames(cmd, &h.cluster)
	return cmd
}

// one shows the decisions on one object.
func (h *chronicle) one(cmd *cobra.Command, so *v1alpha1.ScaledObject) error {
	past := so.Status.History
	if len(past) == 0 && h.output.value == "text" {
		return fmt.Errorf("history of %s/%s: %w", so.Namespace, so.Name, explain.Undecided(&so.Status))
	}
	return h.output.write(cmd.OutOrStdout(), past, func(w io.Writer) error { return explain.History(w, past) })
}

// several shows the decisions on several objects.
func (h *chronicle) several(cmd *cobra.Command, all []*v1alpha1.ScaledObject) error {
	past := []explain.Decided{}
	for _, so := range all {
		for _, p := range so.Status.History {
			past = append(past, explain.Decided{Object: so.Namespace + "/" + so.Name, PastDecision: p})
		}
	}
	slices.SortStableFunc(past, func(a, b explain.Decided) int { return b.Time.Compare(a.Time.Time) })
	if len(past) == 0 && h.output.value == "text" {
		return h.reportNone(cmd, &h.cluster, "decision is in the status of a ScaledObject")
	}
	return h.output.write(cmd.OutOrStdout(), past, func(w io.Writer) error { return explain.Histories(w, past) })
}
