package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/control/uninstall"
	"github.com/impulse-sh/impulse/internal/kube/config"
)

func uninstallCommand() *cobra.Command {
	var cluster config.Cluster
	o := uninstall.Options{Timeout: 2 * time.Minute}
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove Impulse and all ScaledObjects from a cluster",
		Long: "Uninstall deletes the CRD of ScaledObjects, and with it all of them, while Impulse still runs. Targets of objects with\n" +
			"restoreToOriginalReplicaCount get their original counts back; all others keep their counts. When no ScaledObject remains, it\n" +
			"deletes everything else that deploy/manifests creates, or the chart as the release impulse: the other CRDs with their objects,\n" +
			"the namespace " + uninstall.Namespace + " with everything in it, the ClusterRoles and the FlowSchema. It does not delete what a\n" +
			"kustomization of your own adds outside that namespace, and not the roles in the namespaces of rbac.credentials.\n\n" +
			"It waits for each part for --timeout at most, prints the reason for waiting, and can be run again.",
		Example: `  impulse uninstall

  # If Impulse no longer runs: delete the ScaledObjects, and leave all counts as they are
  impulse uninstall --keep-counts`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Config, err = cluster.Config(); err != nil {
				return err
			}
			o.Out = cmd.OutOrStdout()
			return uninstall.Run(cmd.Context(), o)
		},
	}
	bindConnection(cmd, &cluster)
	f := cmd.Flags()
	f.DurationVar(&o.Timeout, "timeout", o.Timeout, "maximum time to wait for the deletion of each part")
	f.BoolVar(&o.KeepCounts, "keep-counts", false, "remove Impulse's finalizer from the ScaledObjects: their targets keep the current counts, and get no original count back")
	return cmd
}
