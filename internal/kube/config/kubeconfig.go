// Package config finds the cluster as kubectl does.
package config

import (
	"fmt"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Find returns the configuration of a kubeconfig file and a context in it. Without a file it is $KUBECONFIG, then
// ~/.kube/config, then the service account of the Pod that this runs in; without a context it is the current one. It does
// no I/O.
func Find(file, context string) clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = file
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context})
}

// Config reads what was found. When that names no cluster, the error says where it was looked for.
func Config(found clientcmd.ClientConfig) (*rest.Config, error) {
	config, err := found.ClientConfig()
	switch {
	case clientcmd.IsEmptyConfig(err):
		looked := strings.Join(found.ConfigAccess().GetLoadingPrecedence(), ", ")
		return nil, fmt.Errorf("find the cluster: %s names none, and this is no Pod: set KUBECONFIG or --kubeconfig", looked)
	case err != nil:
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	return config, nil
}
