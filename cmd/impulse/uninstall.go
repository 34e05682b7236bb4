package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/impulse-sh/impulse/internal/control/uninstall"
	"github.com/impulse-sh/impulse/internal/kube/config"
)

func uninstallCommand() *cobra.Command {
	var cluster config.Cluster
	var yes bool
	o := uninstall.Options{Timeout: 2 * time.Minute}
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove Impulse and all ScaledObjects from a cluster",
		Long: "Uninstall deletes the CRD of ScaledObjects, and with it all of them, while Impulse still runs. Targets of objects with\n" +
			"restoreToOriginalReplicaCount get their original counts back; all others keep their counts. When no ScaledObject remains, it\n" +
			"deletes everything else that deploy/manifests creates, or the chart as the release impulse: the other CRDs with their objects,\n" +
			"the namespace " + uninstall.Namespace + " with everything in it, the ClusterRoles and the FlowSchema. It does not delete what a\n" +
			"kustomization of your own adds outside that namespace.\n\n" +
			"It prints what it will delete and, on a terminal, asks before it deletes anything. It deletes nothing if another Impulse runs with\n" +
			"another Lease, as that would lose its ScaledObjects.\n\n" +
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
			if file, ok := cmd.InOrStdin().(*os.File); ok && !yes && term.IsTerminal(int(file.Fd())) {
				o.Confirm = func(ctx context.Context) error { return confirm(ctx, file, o.Out) }
			}
			return uninstall.Run(cmd.Context(), o)
		},
	}
	bindConnection(cmd, &cluster)
	f := cmd.Flags()
	f.DurationVar(&o.Timeout, "timeout", o.Timeout, "maximum time to wait for the deletion of each part")
	f.BoolVar(&o.KeepCounts, "keep-counts", false, "remove Impulse's finalizer from the ScaledObjects: their targets keep the current counts, and get no original count back")
	f.BoolVarP(&yes, "yes", "y", false, "do not ask for confirmation on a terminal")
	return cmd
}

// errDeclined is returned if the user does not confirm.
var errDeclined = errors.New("nothing was deleted: not confirmed")

// confirm asks a question, and returns an error unless the answer is yes.
func confirm(ctx context.Context, in io.Reader, out io.Writer) error {
	fmt.Fprint(out, "Continue? [y/N] ")
	answer := make(chan string, 1)
	go func() { // A read of a terminal cannot be interrupted: after Ctrl-C, it ends with the process.
		line, _ := bufio.NewReader(io.LimitReader(in, maxLine)).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return errDeclined
	case a := <-answer:
		if a != "y" && a != "yes" {
			return errDeclined
		}
		return nil
	}
}

// maxLine bounds an answer of the user, in bytes.
const maxLine = 1 << 10
