package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/impulse-sh/impulse/internal/control/app"
	"github.com/impulse-sh/impulse/internal/control/election"
	"github.com/impulse-sh/impulse/internal/kube/config"
	"github.com/impulse-sh/impulse/internal/kube/objects"
)

const (
	// versionTimeout bounds the request for the version of the running Impulse.
	versionTimeout = 3 * time.Second
	// leaderExpires is the time after which a Lease that is not renewed has no holder any more.
	leaderExpires = 15 * time.Second
)

// versions are the versions of the program and of the Impulse that runs in the cluster.
type versions struct {
	Client build  `json:"client"`
	Server server `json:"server,omitzero"`
}

// build is the version of this program.
type build struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// server is the version of the Impulse that leads in the cluster, or the reason for which it is unknown.
type server struct {
	Version string `json:"version,omitempty"`
	Leader  string `json:"leader,omitempty"`
	Unknown string `json:"unknown,omitempty"`
}

func versionCommand() *cobra.Command {
	var cluster config.Cluster
	var o output
	var client bool
	name, lease := app.Defaults().LeaseName, ""
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of this program and of the Impulse in the cluster",
		Long: "Version prints the version of this program and, if a cluster is configured, that of the Impulse that leads there, which its Lease has.\n" +
			"Exit code: 0 also if that one is unknown.",
		Example: "  impulse version\n  impulse version --client -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(o.check(), excludes(cmd, "client", "lease-namespace", "lease-name")); err != nil {
				return err
			}
			v := versions{Client: build{version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}}
			if !client {
				v.Server = readServer(cmd.Context(), &cluster, lease, name)
			}
			return o.write(cmd.OutOrStdout(), v, v.text)
		},
	}
	bindConnection(cmd, &cluster)
	leaseFlag(cmd, &lease)
	f := cmd.Flags()
	f.Lookup("lease-namespace").Usage = "namespace of the Lease; use the same value as for impulse run"
	f.StringVar(&name, "lease-name", name, "name of the Lease; use the same value as for impulse run")
	f.BoolVar(&client, "client", false, "only the version of this program")
	o.flag(cmd)
	return cmd
}

// readServer returns the version of the Impulse that holds a Lease; the zero value if no cluster is configured.
func readServer(ctx context.Context, cluster *config.Cluster, namespace, name string) server {
	if cluster.None() {
		return server{}
	}
	config, err := cluster.Config()
	if err != nil {
		return server{Unknown: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	lease := namespace + "/" + name
	leader, err := election.ReadLeader(ctx, config, namespace, name)
	switch {
	case apierrors.IsNotFound(err):
		return server{Unknown: "there is no Lease " + lease + ": Impulse has not run in this cluster with it"}
	case err != nil:
		return server{Unknown: objects.Explain(errors.Unwrap(err), config.Host, "get", "leases.coordination.k8s.io", namespace).Error()}
	case leader.Identity == "" || time.Since(leader.Renewed) > leaderExpires:
		return server{Unknown: "nobody holds Lease " + lease + ": does Impulse run?"}
	case leader.Version == "":
		return server{Leader: leader.Identity, Unknown: "Lease " + lease + " has no version"}
	default:
		return server{Version: leader.Version, Leader: leader.Identity}
	}
}

// text prints the versions.
func (v *versions) text(w io.Writer) error {
	fmt.Fprintf(w, "Client: %s (%s, %s)\n", v.Client.Version, v.Client.Go, v.Client.Platform)
	var err error
	switch s := v.Server; {
	case s.Unknown != "":
		_, err = fmt.Fprintf(w, "Server: unknown: %s\n", s.Unknown)
	case s.Version != "":
		_, err = fmt.Fprintf(w, "Server: %s (%s leads)\n", s.Version, s.Leader)
	}
	return err
}
