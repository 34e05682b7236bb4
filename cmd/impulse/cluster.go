package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/app"
	"github.com/impulse-sh/impulse/internal/kube/config"
	"github.com/impulse-sh/impulse/internal/kube/objects"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
)

// cluster holds the flags of commands that read ScaledObjects: those of kubectl, and those of an Impulse that runs in file mode.
type cluster struct {
	config.Cluster

	namespace, files, stateDir string
}

func (c *cluster) flags(cmd *cobra.Command) {
	bindConnection(cmd, &c.Cluster)
	f := cmd.Flags()
	f.StringVarP(&c.namespace, "namespace", "n", "", "namespace (default: that of the context, or \"default\" with --config)")
	f.StringVar(&c.files, "config", "", "read the ScaledObjects from this file or folder instead of the cluster; use the same value as for impulse run")
	f.StringVar(&c.stateDir, "state-dir", app.Defaults().StateDir, "with --config: folder of stored states; use the same value as for impulse run")
	_ = cmd.MarkFlagFilename("config")
	_ = cmd.MarkFlagDirname("state-dir")
}

// check returns an error for flags that have no effect: --state-dir without --config, and those of a connection with it.
func (c *cluster) check(cmd *cobra.Command) error {
	return errors.Join(needs(cmd, "config", "state-dir"), excludes(cmd, "config", connectionNames(cmd)...))
}

// get reads the object with a NAME, or NAMESPACE/NAME.
func (c *cluster) get(ctx context.Context, name string) (*v1alpha1.ScaledObject, error) {
	namespace := c.namespace
	if before, after, both := strings.Cut(name, "/"); both {
		if namespace != "" && namespace != before {
			return nil, fmt.Errorf("%s is not in namespace %s: give the namespace once", name, namespace)
		}
		namespace, name = before, after
	}
	if name == "" || strings.Contains(name, "/") {
		return nil, errNoObject
	}
	if c.files != "" {
		return c.fromFiles(cmp.Or(namespace, manifest.DefaultNamespace), name)
	}
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	if namespace == "" {
		if namespace, err = c.Namespace(); err != nil {
			return nil, err
		}
	}
	so, err := client.Get(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	compile.Default(so)
	return so, nil
}

// client returns a client of the cluster.
func (c *cluster) client() (*objects.Client, error) {
	config, err := c.Config()
	if err != nil {
		return nil, err
	}
	return objects.New(config)
}

// errNoObject is returned if the arguments do not name one object.
var errNoObject = errors.New("name one object: NAME, or NAMESPACE/NAME")

// oneObject checks the arguments of a command about one object.
func oneObject(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errNoObject
	}
	return nil
}
