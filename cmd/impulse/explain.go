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
	var f format
	var r rehearsed
	var lease string
	cmd := &cobra.Command{
		Use:   "explain ([NAMESPACE/]NAME | -f FILE)",
		Short: "Say why a workload has the replicas it has, until when, and what would change it",
		Long: "Explain shows the count and what stands in its way, the formula with its numbers, every rule that changed the number, what\n" +
			"comes by itself and when, and the levels at which the answer would be another one.\n\n" +
			"Of an object in a cluster, or of a process that reads files (--config), it takes the levels that the status has: those\n" +
			"of the last change of outcome. With -f it explains the decision at an instant of a test, or of a simulation (--input).",
		Example: `  impulse explain web -n shop
  impulse explain shop/web -o json

  # Of a process that runs with --config
  impulse explain shop/web --config ./scaledobjects/ --state-dir /var/lib/impulse

  # Of a test, 45 s after its begin
  impulse explain -f checkout.test.yaml --run 'a burst' --at 45s

  # Of a simulation
  impulse explain -f checkout.yaml --input load.csv --at 2026-03-01T08:30:00Z`,
		Args: cobra.ArbitraryArgs, // Or none, with -f.
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.check(), c.check(cmd), excludes(cmd, "config", "lease-namespace"), r.check(cmd)); err != nil {
				return err
			}
			if len(args) > 1 || (len(args) == 1) == (r.file != "") {
				return errWhich
			}
			explained := func() (*explain.Explanation, string, error) { return r.explain(cmd) }
			if len(args) == 1 {
				explained = func() (*explain.Explanation, string, error) { return explainLive(cmd.Context(), &c, lease, args[0]) }
			}
			e, about, err := explained()
			if err != nil {
				return err
			}
			return f.print(cmd.OutOrStdout(), e, func(out io.Writer) error { return e.Text(out, about) })
		},
	}
	c.flags(cmd)
	leaseFlag(cmd, &lease)
	r.flags(cmd)
	f.flag(cmd)
	return cmd
}

// errWhich says that it is not clear what is to be explained.
var errWhich = errors.New("name one object, as NAME or NAMESPACE/NAME, or a file with -f")

// explainLive explains an object of a cluster, or of a process in file mode. lease is the namespace of the AlertSets.
func explainLive(ctx context.Context, c *cluster, lease, name string) (*explain.Explanation, string, error) {
	so, err := c.get(ctx, name)
	if err != nil {
		return nil, "", err
	}
	w, mistakes := compile.Compile(so, builtin.Kinds(), compile.DefaultSettings())
	if w == nil {
		return nil, "", fmt.Errorf("%s/%s is not understood%s: %w", so.Namespace, so.Name, meanwhile(&so.Status), joined(mistakes))
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

// meanwhile says what Impulse does with an object whose spec is not understood, as far as its status tells.
func meanwhile(s *v1alpha1.ScaledObjectStatus) string {
	ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
	able := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionAbleToScale)
	switch {
	case ready == nil || able == nil || ready.Reason != "InvalidSpec":
		return ""
	case able.Reason == "InvalidSpec":
		return ", and Impulse does not scale it"
	default:
		return ", and Impulse goes on with its last good version"
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
