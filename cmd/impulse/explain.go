package main

import (
	"errors"
	"io"
	"slices"

	"github.com/spf13/cobra"
)

// explainText is the help of impulse explain.
const explainText = "Explain shows the replica count and what prevents it from being written, the formula with its numbers, every rule that changed\n" +
	"the result, which changes will come without a new event and when, and the levels at which the result would be different.\n\n" +
	"For an object in a cluster, it asks the leader for the levels of this moment, through the API server's proxy for Services. If that is\n" +
	"not possible within 2 s, it prints a warning with the reason, and uses the levels in the object's status, which were recorded when\n" +
	"the outcome (the count or its reasons) last changed. --live=always makes it an error, and --live=never does not ask. For an object\n" +
	"in the files of an Impulse that runs with --config, it uses the status. For a file, it explains the decision at one instant of a\n" +
	"test, or of a simulation (--input). An argument names a file if it is - (standard input), starts with / or ., or ends in .yaml,\n" +
	".yml or .json.\n\n" +
	"For an object with an invalid spec, it prints the mistakes and then, if an older version stays in effect, the last decision by that.\n" +
	"The exit code is 1 then."

func explainCommand() *cobra.Command {
	var c cluster
	var s selection
	var o output
	var i instant
	var lease string
	var live liveValues
	cmd := &cobra.Command{
		Use:   "explain ([NAMESPACE/]NAME... | FILE)",
		Short: "Explain the replica counts of workloads: why, until when, and what would change it",
		Long:  explainText,
		Example: `  impulse explain web -n shop
  impulse explain shop/web -o json

  # All objects of the cluster, or those with some labels
  impulse explain -A
  impulse explain -l team=checkout

  # An object of an Impulse that runs with --config
  impulse explain shop/web --config ./scaledobjects/ --state-dir /var/lib/impulse

  # A test, 45 s after its start
  impulse explain checkout.test.yaml --run 'a burst' --at 45s

  # A simulation
  impulse explain checkout.yaml --input load.csv --at 2026-03-01T08:30:00Z`,
		Args: cobra.ArbitraryArgs, // RunE checks them.
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !s.every && s.selector == "" {
				return errWhich
			}
			if c.files == "" && slices.ContainsFunc(args, namesFile) {
				if i.file = args[0]; len(args) > 1 {
					return errWhich
				}
			}
			if err := errors.Join(o.check(), c.check(cmd), s.check(cmd, args), excludes(cmd, "config", "lease-namespace"), live.check(cmd), i.check(cmd)); err != nil {
				return err
			}
			if i.file == "" {
				return explainObjects(cmd, &liveExplainer{cluster: &c, selection: &s, lease: lease, live: live, output: &o}, args)
			}
			e, about, err := i.explain(cmd)
			if err != nil {
				return err
			}
			return o.write(cmd.OutOrStdout(), e, func(out io.Writer) error { return e.Text(out, about) })
		},
	}
	c.flags(cmd)
	s.flags(cmd)
	completeNames(cmd, &c)
	leaseFlag(cmd, &lease)
	cmd.Flags().Lookup("lease-namespace").Usage = "namespace of Impulse, with its Lease, its Service and the AlertSets; use the same value as for impulse run"
	live.flag(cmd)
	i.flags(cmd)
	o.flag(cmd)
	return cmd
}

// errWhich is returned if the arguments do not name one object or file.
var errWhich = errors.New("name objects, as NAME or NAMESPACE/NAME, or one file; or select objects with -l or -A")
