package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/app"
	"github.com/impulse-sh/impulse/internal/control/controller"
	"github.com/impulse-sh/impulse/internal/kube/config"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
)

// cluster is the flags of every command that reads one ScaledObject: kubectl's own, and those of a process in file mode.
type cluster struct{ kubeconfig, context, namespace, config, stateDir string }

func (c *cluster) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.kubeconfig, "kubeconfig", "", "kubeconfig file (default: $KUBECONFIG or ~/.kube/config)")
	f.StringVar(&c.context, "context", "", "context of the kubeconfig")
	f.StringVarP(&c.namespace, "namespace", "n", "", "namespace (default: that of the context; with --config, default)")
	f.StringVar(&c.config, "config", "", "file or folder of ScaledObjects, as impulse run was given it, instead of those in the cluster")
	f.StringVar(&c.stateDir, "state-dir", app.Defaults().StateDir, "with --config: folder of states, as impulse run was given it")
	_ = cmd.MarkFlagFilename("config")
	_ = cmd.MarkFlagDirname("state-dir")
}

// check refuses flags that go with the cluster together with those of files.
func (c *cluster) check(cmd *cobra.Command) error {
	return errors.Join(needs(cmd, "config", "state-dir"), excludes(cmd, "config", "kubeconfig", "context"))
}

// get reads the object that NAME, or NAMESPACE/NAME, is.
func (c *cluster) get(ctx context.Context, name string) (*v1alpha1.ScaledObject, error) {
	namespace := c.namespace
	if before, after, both := strings.Cut(name, "/"); both {
		if namespace != "" && namespace != before {
			return nil, fmt.Errorf("%s is not in namespace %s: say it once", name, namespace)
		}
		namespace, name = before, after
	}
	if name == "" || strings.Contains(name, "/") {
		return nil, errNoObject
	}
	if c.config != "" {
		return c.fromFiles(cmp.Or(namespace, manifest.DefaultNamespace), name)
	}
	found := config.Find(c.kubeconfig, c.context)
	config, err := config.Config(found)
	if err != nil {
		return nil, err
	}
	if namespace == "" {
		if namespace, _, err = found.Namespace(); err != nil {
			return nil, fmt.Errorf("find the namespace: %w", err)
		}
	}
	return controller.Get(ctx, config, namespace, name)
}

// errNoObject says how an object is named.
var errNoObject = errors.New("name one object: NAME, or NAMESPACE/NAME")

// oneObject is the arguments of a command about one object.
func oneObject(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errNoObject
	}
	return nil
}

// format is the flag -o of a command that prints one thing.
type format string

func (f *format) flag(cmd *cobra.Command) {
	*f = "text"
	cmd.Flags().StringVarP((*string)(f), "output", "o", string(*f), "text, json or yaml")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
}

func (f *format) check() error {
	switch *f {
	case "text", "json", "yaml":
		return nil
	}
	return fmt.Errorf("--output is %q: expected text, json or yaml", string(*f))
}

// print writes what is to be printed: as text by its own means.
func (f *format) print(w io.Writer, what any, text func(io.Writer) error) error {
	var out []byte
	var err error
	switch *f {
	case "json":
		out, err = json.MarshalIndent(what, "", "  ")
		out = append(out, '\n')
	case "yaml":
		out, err = manifest.Marshal(what)
	default:
		return text(w)
	}
	if err != nil {
		return fmt.Errorf("encode as %s: %w", string(*f), err)
	}
	_, err = w.Write(out)
	return err
}
