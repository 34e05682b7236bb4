package config

import (
	"fmt"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Find returns the configuration in a kubeconfig file, with a context of it. If file is "", it uses $KUBECONFIG, then ~/.kube/config,
// then the service account of the Pod in which it runs; if context is "", the current one. It does no I/O.
func Find(file, context string) clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = file
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context})
}

// Config loads the configuration that Find returned. If it names no cluster, the error lists the places.
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
