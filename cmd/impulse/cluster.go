package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/app"
	"github.com/impulse-sh/impulse/internal/kube/config"
	"github.com/impulse-sh/impulse/internal/kube/objects"
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
	completeNamespace(cmd, &c.Cluster)
	_ = cmd.MarkFlagFilename("config")
	_ = cmd.MarkFlagDirname("state-dir")
}

// check returns an error for flags that have no effect: --state-dir without --config, and those of a connection with it.
func (c *cluster) check(cmd *cobra.Command) error {
	return errors.Join(needs(cmd, "config", "state-dir"), excludes(cmd, "config", connectionNames(cmd)...))
}

// get reads the object with a NAME, or NAMESPACE/NAME, as it is stored.
func (c *cluster) get(ctx context.Context, name string) (*v1alpha1.ScaledObject, error) {
	namespace, name, err := c.split(name)
	if err != nil {
		return nil, err
	}
	if c.files != "" {
		return c.fromFiles(namespace, name)
	}
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	return client.Get(ctx, namespace, name)
}

// split returns the namespace and the name of a NAME, or NAMESPACE/NAME.
func (c *cluster) split(object string) (namespace, name string, err error) {
	namespace, name, both := strings.Cut(object, "/")
	switch {
	case !both:
		name = namespace
		namespace, err = c.defaultNamespace()
	case c.namespace != "" && c.namespace != namespace:
		return "", "", fmt.Errorf("%s is not in namespace %s: give the namespace once", object, c.namespace)
	}
	if name == "" || namespace == "" && err == nil || strings.Contains(name, "/") {
		return "", "", errNoObject
	}
	return namespace, name, err
}

// defaultNamespace returns the namespace of objects without one: that of --namespace, of the context, or of file mode.
func (c *cluster) defaultNamespace() (string, error) {
	switch {
	case c.namespace != "":
		return c.namespace, nil
	case c.files != "":
		return manifest.DefaultNamespace, nil
	default:
		return c.Namespace()
	}
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
