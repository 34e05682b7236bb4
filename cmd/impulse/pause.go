package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/override"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// terms holds the flags with the end and the reason of a pause.
type terms struct{ until, length, reason string }

func (t *terms) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.until, "until", "", "time of the end: in RFC 3339, or 18:00 for the next one of the clock on this machine")
	f.StringVar(&t.length, "for", "", "time until the end, such as 30m, 2h or 3d")
	f.StringVar(&t.reason, "reason", "", "reason, for everybody who looks at the object")
	for _, name := range []string{"until", "for", "reason"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
}

// read returns the terms as of now.
func (t *terms) read(cmd *cobra.Command, now time.Time) (override.Terms, error) {
	got := override.Terms{Reason: strings.TrimSpace(t.reason)}
	err := excludes(cmd, "for", "until")
	if len(got.Reason) > compile.MaxPauseReason {
		err = errors.Join(err, fmt.Errorf("--reason has %d bytes: expected at most %d", len(got.Reason), compile.MaxPauseReason))
	}
	var wrong error
	switch {
	case cmd.Flags().Changed("until"):
		if got.Until, wrong = override.ParseEnd(t.until, now); wrong != nil {
			err = errors.Join(err, fmt.Errorf("--until: %w", wrong))
		}
	case cmd.Flags().Changed("for"):
		var length time.Duration
		if length, wrong = override.ParseLength(t.length); wrong != nil {
			err = errors.Join(err, fmt.Errorf("--for: %w", wrong))
		}
		got.Until = override.After(now, length)
	}
	return got, err
}

// untilText returns the end of terms as the end of a sentence.
func untilText(t override.Terms) string {
	if t.Until.IsZero() {
		return ""
	}
	return " until " + t.Until.UTC().Format(time.RFC3339)
}

func pauseCommand() *cobra.Command {
	var e editor
	var t terms
	var in, out bool
	cmd := &cobra.Command{
		Use:   "pause (NAME... | -l SELECTOR | --all)",
		Short: "Keep the counts of workloads as they are, for some time or until resumed",
		Long: "Pause keeps Impulse from changing the count of a workload: in both directions, or with --scale-in or --scale-out in one. It sets\n" +
			"annotations of the ScaledObject, and replaces an earlier pause. At the end the pause has no effect any more, and Impulse decides\n" +
			"at that instant. The condition Paused and impulse explain show the end and the reason;\n" +
			"the history has the decisions that the pause changes.\n" +
			"Exit code: 0 all are paused, 2 one could not be changed; the others are paused nevertheless.",
		Example: `  impulse pause web --for 2h --reason "node drain"
  impulse pause web api -n shop --until 18:00
  impulse pause web --scale-in --until 2026-03-01T08:00:00Z

  # Everything in the cluster, for an upgrade of it; first only print what would be done
  impulse pause --all -A --for 1h --reason "cluster upgrade" --dry-run=client`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			end, err := t.read(cmd, time.Now())
			if err != nil {
				return errors.Join(err, e.check(cmd, args))
			}
			direction, what := override.Both, "paused"
			switch {
			case in && !out:
				direction, what = override.ScaleIn, "scale-in paused"
			case out && !in:
				direction, what = override.ScaleOut, "scale-out paused"
			}
			what += untilText(end)
			return e.run(cmd, args, func(*v1alpha1.ScaledObject) change {
				return change{edit: override.Pause(direction, end), done: what, unchanged: "it is " + what + " already"}
			})
		},
	}
	e.flags(cmd)
	t.flags(cmd)
	cmd.Flags().BoolVar(&in, "scale-in", false, "only keep the count from going down")
	cmd.Flags().BoolVar(&out, "scale-out", false, "only keep the count from going up")
	return cmd
}

func resumeCommand() *cobra.Command {
	var e editor
	cmd := &cobra.Command{
		Use:   "resume (NAME... | -l SELECTOR | --all)",
		Short: "End pauses and counts that were set by hand",
		Long: "Resume removes every annotation that pauses an object, with its end and its reason, also those that other users set.\n" +
			"Impulse then decides at once.\n" +
			"Exit code: 0 all are resumed, 2 one could not be changed.",
		Example: `  impulse resume web -n shop
  impulse resume --all -A`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.run(cmd, args, func(*v1alpha1.ScaledObject) change {
				return change{edit: override.Resume(), done: "resumed", unchanged: "it is not paused"}
			})
		},
	}
	e.flags(cmd)
	return cmd
}
