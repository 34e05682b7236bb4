package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/impulse-sh/impulse/internal/diag"
)

// Cluster selects a cluster and a user, as the flags of kubectl do. The zero value selects those that kubectl uses without flags.
type Cluster struct {
	// Kubeconfig is a file. If it is "", the configuration is that of $KUBECONFIG, then of ~/.kube/config, then of the service account of the
	// Pod in which the process runs.
	Kubeconfig string
	// Overrides replace settings of the configuration.
	Overrides clientcmd.ConfigOverrides
}

// Find returns the configuration of a cluster. It does no I/O.
func (c *Cluster) Find() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.Kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &c.Overrides)
}

// Config loads the configuration of a cluster. If there is none, the error lists the places; if it lacks a context, user or cluster that
// is named, the error has the nearest name.
func (c *Cluster) Config() (*rest.Config, error) {
	found := c.Find()
	config, err := found.ClientConfig()
	if err == nil {
		return config, nil
	}
	raw, broken := found.RawConfig()
	switch missing := c.missing(&raw); {
	case broken != nil:
		err = broken
	case missing != nil:
		err = missing
	case clientcmd.IsEmptyConfig(err):
		var looked []string
		for _, file := range found.ConfigAccess().GetLoadingPrecedence() {
			problem := "names none"
			if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
				problem = "does not exist"
			}
			looked = append(looked, file+" "+problem)
		}
		err = fmt.Errorf("%s, and this is no Pod: set KUBECONFIG or --kubeconfig", strings.Join(looked, ", "))
	}
	return nil, fmt.Errorf("find the cluster: %w", err)
}

// None reports whether no cluster is configured: neither by a kubeconfig, nor by flags, nor by a service account of a Pod.
func (c *Cluster) None() bool {
	_, err := c.Find().ClientConfig()
	return clientcmd.IsEmptyConfig(err) && c.missing(&api.Config{}) == nil
}

// Namespace returns the namespace of the context.
func (c *Cluster) Namespace() (string, error) {
	namespace, _, err := c.Find().Namespace()
	if err == nil {
		return namespace, nil
	}
	if _, noCluster := c.Config(); noCluster != nil {
		return "", noCluster
	}
	return "", fmt.Errorf("find the namespace: %w", err)
}

// missing returns an error if the configuration lacks the context, the user or the cluster that is named.
func (c *Cluster) missing(raw *api.Config) error {
	context := raw.CurrentContext
	if c.Overrides.CurrentContext != "" {
		context = c.Overrides.CurrentContext
	}
	for _, of := range []struct {
		what, name string
		known      []string
	}{
		{"context", context, slices.Sorted(maps.Keys(raw.Contexts))},
		{"user", c.Overrides.Context.AuthInfo, slices.Sorted(maps.Keys(raw.AuthInfos))},
		{"cluster", c.Overrides.Context.Cluster, slices.Sorted(maps.Keys(raw.Clusters))},
	} {
		switch {
		case of.name == "" || slices.Contains(of.known, of.name):
		case len(of.known) == 0:
			return fmt.Errorf("the kubeconfig has no %s %q, and no other", of.what, of.name)
		default:
			return fmt.Errorf("the kubeconfig has no %s %q (%s)", of.what, of.name, diag.Suggest(of.name, of.known))
		}
	}
	return nil
}
