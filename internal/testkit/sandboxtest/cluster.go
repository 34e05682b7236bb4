package sandboxtest

import (
	"context"
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// kubeconfigVariable names the kubeconfig of a sandbox with an administrator's rights; `make test` sets it.
const kubeconfigVariable = "IMPULSE_SANDBOX_KUBECONFIG"

// Cluster returns the configuration of an administrator of a real control plane, whose pods become Ready. A missing one
// fails the test: a skipped one would hide it. Tests share it: each works in a Namespace of its own.
func Cluster(tb testing.TB) *rest.Config {
	tb.Helper()
	path := os.Getenv(kubeconfigVariable)
	if path == "" {
		tb.Fatalf("this test needs a real API server: run `make test`, or set %s to a kubeconfig of a sandbox",
			kubeconfigVariable)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		tb.Fatalf("read the sandbox's kubeconfig: %v", err)
	}
	config.QPS = -1
	return config
}

// Namespace makes a namespace that is gone some time after the test, and returns its name.
func Namespace(tb testing.TB, config *rest.Config) string {
	tb.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		tb.Fatalf("connect to the sandbox: %v", err)
	}
	namespaces := client.CoreV1().Namespaces()
	made, err := namespaces.Create(tb.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"},
	}, metav1.CreateOptions{})
	if err != nil {
		tb.Fatalf("make a namespace: %v", err)
	}
	tb.Cleanup(func() {
		ctx := context.WithoutCancel(tb.Context())
		if err := namespaces.Delete(ctx, made.Name, metav1.DeleteOptions{}); err != nil {
			tb.Errorf("remove namespace %s: %v", made.Name, err)
		}
	})
	return made.Name
}
