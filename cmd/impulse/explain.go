package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/explain"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func explainCommand() *cobra.Command {
	var c cluster
	var o output
	var i instant
	var lease string
	cmd := &cobra.Command{
		Use:   "explain ([NAMESPACE/]NAME | FILE)",
		Short: "Explain the replica count of a workload: why, until when, and what would change it",
		Long: "Explain shows the replica count and what prevents it from being written, the formula with its numbers, every rule that changed\n" +
			"the result, which changes will come without a new event and when, and the levels at which the result would be different.\n\n" +
			"For an object in a cluster, or in the files of an Impulse that runs with --config, it uses the levels in the object's status,\n" +
			"which were recorded when the outcome (the count or its reasons) last changed. For a file, it explains the decision at one\n" +
			"instant of a test, or of a simulation (--input). An argument names a file if it is - (standard input), starts with / or ., or\n" +
			"ends in .yaml, .yml or .json.",
		Example: `  impulse explain web -n shop
  impulse explain shop/web -o json

  # An object of an Impulse that runs with --config
  impulse explain shop/web --config ./scaledobjects/ --state-dir /var/lib/impulse

  # A test, 45 s after its start
  impulse explain checkout.test.yaml --run 'a burst' --at 45s

  # A simulation
  impulse explain checkout.yaml --input load.csv --at 2026-03-01T08:30:00Z`,
		Args: cobra.ArbitraryArgs, // RunE checks them.
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errWhich
			}
			if c.files == "" && namesFile(args[0]) {
				i.file = args[0]
			}
			if err := errors.Join(o.check(), c.check(cmd), excludes(cmd, "config", "lease-namespace"), i.check(cmd)); err != nil {
				return err
			}
			explained := func() (*explain.Explanation, string, error) { return explainLive(cmd.Context(), &c, lease, args[0]) }
			if i.file != "" {
				explained = func() (*explain.Explanation, string, error) { return i.explain(cmd) }
			}
			e, about, err := explained()
			if err != nil {
				return err
			}
			return o.write(cmd.OutOrStdout(), e, func(out io.Writer) error { return e.Text(out, about) })
		},
	}
	c.flags(cmd)
	leaseFlag(cmd, &lease)
	i.flags(cmd)
	o.flag(cmd)
	return cmd
}

// errWhich is returned if the arguments do not name one object or file.
var errWhich = errors.New("name one object, as NAME or NAMESPACE/NAME, or one file")

// explainLive explains an object of a cluster, or of an Impulse in file mode. lease is the namespace of the AlertSets.
func explainLive(ctx context.Context, c *cluster, lease, name string) (*explain.Explanation, string, error) {
	so, err := c.get(ctx, name)
	if err != nil {
		return nil, "", err
	}
	w, mistakes := compile.Compile(so, builtin.Kinds(), compile.DefaultSettings())
	if w == nil {
		return nil, "", fmt.Errorf("%s/%s is invalid%s: %w", so.Namespace, so.Name, effectOfInvalid(&so.Status), joined(mistakes))
	}
	about := fmt.Sprintf("%s (%s)", w.Key(), w.Target)
	e, err := explain.Object(w, &so.Status, time.Now())
	if err != nil {
		return nil, about, err
	}
	if hint := c.elsewhere(ctx, lease, w, &so.Status); hint != "" {
		e.Notices = append(e.Notices, hint)
	}
	return e, about, nil
}

// effectOfInvalid returns what Impulse does with an object whose spec is invalid, if its status shows that.
func effectOfInvalid(s *v1alpha1.ScaledObjectStatus) string {
	ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
	able := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionAbleToScale)
	switch {
	case ready == nil || able == nil || ready.Reason != v1alpha1.ReasonInvalidSpec:
		return ""
	case able.Reason == v1alpha1.ReasonInvalidSpec:
		return ", and Impulse does not scale it"
	default:
		return ", and its last good version stays in effect"
	}
}

// joined is every mistake as one error.
func joined(mistakes []diag.Error) error {
	all := make([]error, len(mistakes))
	for i, m := range mistakes {
		all[i] = m
	}
	return errors.Join(all...)
}
