package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/control/uninstall"
	"github.com/impulse-sh/impulse/internal/kube/config"
)

func uninstallCommand() *cobra.Command {
	var file, context string
	o := uninstall.Options{Timeout: 2 * time.Minute}
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove Impulse, its ScaledObjects and everything else of it from a cluster",
		Long: "Uninstall deletes the definition of ScaledObjects, and all of them with it, while Impulse still runs: targets of objects with\n" +
			"restoreToOriginalReplicaCount get their original counts back, all others keep the counts that they have. When no ScaledObject\n" +
			"remains, it deletes everything else that deploy/manifests creates: the other definitions with their objects, the namespace\n" +
			uninstall.Namespace + " with everything in it, the ClusterRole and the FlowSchema. What a kustomization of your own adds, it leaves.\n\n" +
			"It waits for at most --timeout for each part, prints what it waits for, and can be run again.",
		Example: `  impulse uninstall

  # When Impulse does not run any more: delete the ScaledObjects, and leave every count as it is
  impulse uninstall --keep-counts`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Config, err = config.Config(config.Find(file, context)); err != nil {
				return err
			}
			o.Out = cmd.OutOrStdout()
			return uninstall.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "kubeconfig", "", "kubeconfig file (default: $KUBECONFIG or ~/.kube/config)")
	f.StringVar(&context, "context", "", "context of the kubeconfig")
	f.DurationVar(&o.Timeout, "timeout", o.Timeout, "how long to wait for each part to be gone")
	f.BoolVar(&o.KeepCounts, "keep-counts", false, "do not wait for Impulse to restore the counts of targets")
	return cmd
}
