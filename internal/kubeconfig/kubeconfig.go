// Package kubeconfig finds the cluster as kubectl does.
package kubeconfig

import "k8s.io/client-go/tools/clientcmd"

// Find returns the configuration of a kubeconfig file and a context in it. Without a file it is $KUBECONFIG, then
// ~/.kube/config, then the service account of the Pod that this runs in; without a context it is the current one. It does
// no I/O.
func Find(file, context string) clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = file
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context})
}
