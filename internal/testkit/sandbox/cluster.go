package sandbox

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Kubeconfig returns the path of the kubeconfig of the control plane that all tests share.
func Kubeconfig(tb testing.TB) string {
	tb.Helper()
	return require(tb, kubeconfigVariable, "a real API server")
}

// Config returns the configuration of a client with an administrator's permissions in the control plane that all tests share, whose
// pods become Ready. Each test works in a Namespace of its own. The client has no rate limit.
func Config(tb testing.TB) *rest.Config {
	tb.Helper()
	return load(tb, Kubeconfig(tb))
}

func load(tb testing.TB, kubeconfig string) *rest.Config {
	tb.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		tb.Fatalf("read the sandbox's kubeconfig: %v", err)
	}
	config.QPS = -1
	return config
}

// Namespace creates a namespace and returns its name. It is deleted when the test ends; its objects are deleted a while later.
func Namespace(tb testing.TB, config *rest.Config) string {
	tb.Helper()
	client := clientset(tb, config)
	name := createNamespace(tb, client)
	tb.Cleanup(func() {
		ctx := context.WithoutCancel(tb.Context())
		if err := client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			tb.Errorf("delete namespace %s: %v", name, err)
		}
	})
	return name
}

func createNamespace(tb testing.TB, client *kubernetes.Clientset) string {
	tb.Helper()
	created, err := client.CoreV1().Namespaces().Create(tb.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"},
	}, metav1.CreateOptions{})
	if err != nil {
		tb.Fatalf("create a namespace: %v", err)
	}
	return created.Name
}

func clientset(tb testing.TB, config *rest.Config) *kubernetes.Clientset {
	tb.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		tb.Fatalf("connect to the sandbox: %v", err)
	}
	return client
}
