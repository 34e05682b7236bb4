package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/control/adopt"
	"github.com/impulse-sh/impulse/internal/kube/config"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// errOneName is returned if the arguments do not name one object.
var errOneName = errors.New("name one object")

func adoptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adopt",
		Short: "Let Impulse scale a workload in place of an HPA or of KEDA",
		Long: "Adopt reads an object from the cluster and prints the ScaledObject that `impulse convert` makes of it. With --apply it creates\n" +
			"that, waits until the running Impulse has decided on a count, and then deletes the old object. The two never scale at the same\n" +
			"time; Impulse scales as soon as its watch shows the deletion. If anything fails before the deletion, the old object scales as before.",
	}
	cmd.AddCommand(
		adoptKindCommand(adopt.HPA, "hpa", "a HorizontalPodAutoscaler", ""),
		adoptKindCommand(adopt.KEDA, "keda", "a ScaledObject of KEDA",
			"It creates the authentications that the object names, too, and leaves KEDA's. KEDA's operator must run: it deletes its HPA.\n"),
	)
	return cmd
}

func adoptKindCommand(kind adopt.Kind, name, what, more string) *cobra.Command {
	var cluster config.Cluster
	o := adopt.Options{Kind: kind, Timeout: 2 * time.Minute, Kinds: builtin.Kinds()}
	cmd := &cobra.Command{
		Use:   name + " NAME",
		Short: "Let Impulse scale in place of " + what,
		Long: "Adopt reads " + what + " from the cluster and prints the ScaledObject that it is converted to. With --apply it replaces it.\n" + more +
			"Exit code: 0 done, 2 the object cannot be read, converted or replaced.",
		Example: fmt.Sprintf("  impulse adopt %s web -n shop\n  impulse adopt %s web -n shop --apply", name, name),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errOneName
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Config, err = cluster.Config(); err != nil {
				return err
			}
			if o.Namespace == "" {
				if o.Namespace, err = cluster.Namespace(); err != nil {
					return err
				}
			}
			o.Name, o.Out, o.Progress = args[0], cmd.OutOrStdout(), cmd.ErrOrStderr()
			return adopt.Run(cmd.Context(), o)
		},
	}
	bindConnection(cmd, &cluster)
	f := cmd.Flags()
	f.StringVarP(&o.Namespace, "namespace", "n", "", "namespace (default: that of the context)")
	f.BoolVar(&o.Apply, "apply", false, "replace the object; otherwise nothing is changed")
	f.DurationVar(&o.Timeout, "timeout", o.Timeout, "maximum time to wait for Impulse's decision, and then until Impulse scales")
	return cmd
}
