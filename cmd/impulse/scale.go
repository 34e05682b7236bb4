package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/override"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// errNoEnd is returned if a count has no end.
var errNoEnd = errors.New("state the end, with --for or --until: nobody remembers to end a count that has none")

func scaleCommand() *cobra.Command {
	var e editor
	var t terms
	var replicas int32
	cmd := &cobra.Command{
		Use:   "scale (NAME... | -l SELECTOR | --all) --replicas N {--for DURATION | --until TIME}",
		Short: "Set the counts of workloads for some time, whatever their triggers and limits are",
		Long: "Scale has Impulse keep a count that you choose, until an end that you choose, and then decides as before. Triggers and limits have\n" +
			"no influence meanwhile. It sets annotations of the ScaledObject, and replaces an earlier pause. kubectl scale has no such effect:\n" +
			"Impulse answers a count that somebody else writes, within the windows and policies of the object.\n" +
			"Exit code: 0 all have the count, 2 one could not be changed.",
		Example: `  impulse scale web --replicas 12 --for 2h --reason "sale"
  impulse scale batch --replicas 0 --until 18:00 -n shop

  # End it early
  impulse resume web`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			end, err := t.read(cmd, time.Now())
			switch {
			case !cmd.Flags().Changed("replicas"):
				err = errors.Join(err, errors.New("state the count, with --replicas"))
			case replicas < 0:
				err = errors.Join(err, fmt.Errorf("--replicas is %d: expected 0 or more", replicas))
			}
			if err == nil && end.Until.IsZero() {
				err = errNoEnd
			}
			if err != nil {
				return err
			}
			what := fmt.Sprintf("scaled to %d%s", replicas, untilText(end))
			return e.run(cmd, args, func(so *v1alpha1.ScaledObject) change {
				return change{edit: override.Scale(replicas, end), done: what, unchanged: "it is " + what + " already", note: beyond(so, replicas)}
			})
		},
	}
	e.flags(cmd)
	t.flags(cmd)
	cmd.Flags().Int32Var(&replicas, "replicas", 0, "the count (required)")
	_ = cmd.RegisterFlagCompletionFunc("replicas", cobra.NoFileCompletions)
	return cmd
}

// beyond describes a limit of an object that a count is outside of; "" if there is none.
func beyond(so *v1alpha1.ScaledObject, replicas int32) string {
	so = so.DeepCopy()
	compile.Default(so)
	switch least, most := *so.Spec.MinReplicaCount, *so.Spec.MaxReplicaCount; {
	case replicas > most:
		return fmt.Sprintf("%d is above maxReplicaCount, %d, which does not apply meanwhile", replicas, most)
	case replicas < least:
		return fmt.Sprintf("%d is below minReplicaCount, %d, which does not apply meanwhile", replicas, least)
	default:
		return ""
	}
}
