package sandbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// Env is the namespace of one test, with clients that have an administrator's permissions and no rate limit.
type Env struct {
	tb         testing.TB
	Namespace  string
	Kubeconfig string
	Config     *rest.Config
	Kube       *kubernetes.Clientset
	Dynamic    dynamic.Interface
	// kinds finds the resources of kinds. It reads them from the API server when Apply needs them.
	kinds *restmapper.DeferredDiscoveryRESTMapper
}

// NewEnv creates a namespace in the control plane that all tests share. It is deleted when the test ends.
func NewEnv(tb testing.TB) *Env {
	tb.Helper()
	e := connect(tb, Kubeconfig(tb))
	e.Namespace = Namespace(tb, e.Config)
	return e
}

// NewEnv creates a namespace in the test's own control plane. It ends with the control plane.
func (c *ControlPlane) NewEnv() *Env {
	c.tb.Helper()
	e := connect(c.tb, c.Kubeconfig)
	e.Namespace = createNamespace(c.tb, e.Kube)
	return e
}

// Connect returns the Env of a namespace in the control plane of a kubeconfig, which another part of the test has started.
func Connect(tb testing.TB, kubeconfig, namespace string) *Env {
	tb.Helper()
	e := connect(tb, kubeconfig)
	e.Namespace = namespace
	return e
}

func connect(tb testing.TB, kubeconfig string) *Env {
	tb.Helper()
	config := load(tb, kubeconfig)
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		tb.Fatalf("connect to the sandbox: %v", err)
	}
	kube := clientset(tb, config)
	kinds := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(kube.Discovery()))
	return &Env{tb: tb, Kubeconfig: kubeconfig, Config: config, Kube: kube, Dynamic: client, kinds: kinds}
}

// Kubectl runs kubectl in the namespace and returns its output.
func (e *Env) Kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	e.tb.Helper()
	args = append([]string{"--kubeconfig", e.Kubeconfig, "-n", e.Namespace}, args...)
	return process.RunWithInput(ctx, strings.NewReader(stdin), Binary(e.tb, "kubectl"), args...)
}

// ApplyDeployment creates a Deployment with one container and n replicas, or sets an existing one to n replicas.
func (e *Env) ApplyDeployment(name string, n int32) {
	e.tb.Helper()
	text := fmt.Appendf(nil, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec: {containers: [{name: app, image: app}]}
`, name, n)
	force := metav1.PatchOptions{FieldManager: "test", Force: new(true)}
	if _, err := e.Kube.AppsV1().Deployments(e.Namespace).Patch(e.tb.Context(), name, types.ApplyPatchType, text, force); err != nil {
		e.tb.Fatalf("apply Deployment %s: %v", name, err)
	}
}

// Replicas returns spec.replicas of a Deployment.
func (e *Env) Replicas(ctx context.Context, name string) (int32, error) {
	d, err := e.Kube.AppsV1().Deployments(e.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return 0, fmt.Errorf("get Deployment %s: %w", name, err)
	}
	return *d.Spec.Replicas, nil
}

// AwaitReplicas waits until spec.replicas of a Deployment is n. When that takes longer than
// testkit.Timeout, it fails the test with the newest count and the ScaledObject of the same name.
func (e *Env) AwaitReplicas(name string, n int32) {
	e.tb.Helper()
	var (
		got int32
		err error
	)
	if !testkit.Poll(e.tb, func(ctx context.Context) bool {
		got, err = e.Replicas(ctx, name)
		return err == nil && got == n
	}) {
		e.tb.Fatalf("after %s %s has %d replicas (%v), want %d; its ScaledObject:\n%s", testkit.Timeout, name, got, err, n, e.Describe(e.tb.Context(), name))
	}
}

// Describe returns the ScaledObject of a name as YAML, for failures.
func (e *Env) Describe(ctx context.Context, name string) string {
	out, err := e.Kubectl(ctx, "", "get", "scaledobject", name, "-o", "yaml", "--ignore-not-found")
	if err != nil {
		return err.Error()
	}
	return out
}

// ExpectReplicas watches a Deployment until the returned function is called, which fails the test when spec.replicas was
// another number than n in between.
func (e *Env) ExpectReplicas(name string, n int32) (stop func()) {
	e.tb.Helper()
	stream, err := e.Kube.AppsV1().Deployments(e.Namespace).Watch(e.tb.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		e.tb.Fatalf("watch Deployment %s: %v", name, err)
	}
	var got []int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range stream.ResultChan() {
			if d, ok := event.Object.(*appsv1.Deployment); ok {
				got = append(got, *d.Spec.Replicas)
			}
		}
	}()
	return func() {
		e.tb.Helper()
		stream.Stop()
		if <-done; slices.ContainsFunc(got, func(replicas int32) bool { return replicas != n }) {
			e.tb.Errorf("%s had %v replicas, want %d all the time", name, got, n)
		}
	}
}
