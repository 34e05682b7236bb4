package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// scaledNamespace is the namespace that Impulse scales, bareNamespace the one whose objects only load.bareWrites changes.
	scaledNamespace = "bench"
	bareNamespace   = "bench-bare"
	// low and high are the replicas of a workload while its alert does not fire and while it does.
	low, high = 1, 5
	// bareTargets is the number of Deployments that load.bareWrites writes to, one after the other.
	bareTargets = 1000
)

var (
	scaledObjects = schema.GroupVersionResource{Group: "impulse.sh", Version: "v1alpha1", Resource: "scaledobjects"}
	crds          = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
)

// env is the control plane, the Impulse process that is measured, and the clients.
type env struct {
	dir     string
	at      process.Addresses
	kube    *kubernetes.Clientset
	dynamic dynamic.Interface
	http    *http.Client
	impulse string
	// log is the path of Impulse's log.
	log string
	// binary and kubeconfig start Impulse.
	binary, kubeconfig string
	// sandbox is the process of which the API server is a child.
	sandbox int
	// apiServer is its process once it has been looked up.
	apiServer int
	stops     []func()
}

// build starts a control plane without controllers, which would compete for the cores, creates the objects and starts
// `impulse run`.
func build(ctx context.Context, o options) (*env, error) {
	w, err := newEnv(ctx, func(process.Addresses) bool { return true }, "--without", planeOnly)
	if err != nil {
		return nil, err
	}
	if err := w.fill(ctx, o); err != nil {
		w.close()
		return nil, err
	}
	if err := w.start(ctx); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// planeOnly are all parts of a sandbox beside the API server and etcd. Controllers would compete for the cores.
const planeOnly = "controller-manager,scheduler,kwok,metrics-server,nats,alertmanager,prometheus"

// newEnv is newPlane with an Impulse that is compiled.
func newEnv(ctx context.Context, enough func(process.Addresses) bool, args ...string) (*env, error) {
	w, err := newPlane(ctx, enough, args...)
	if err != nil {
		return nil, err
	}
	if w.binary, err = process.Build(ctx, w.dir, "impulse", ".", "./cmd/impulse"); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// newPlane starts a sandbox with args, waits until enough of it is ready, and creates the CRDs.
func newPlane(ctx context.Context, enough func(process.Addresses) bool, args ...string) (w *env, err error) {
	dir, err := os.MkdirTemp("", "impulse-bench-")
	if err != nil {
		return nil, fmt.Errorf("create a folder: %w", err)
	}
	w = &env{dir: dir, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: time.Minute}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	w.stops = append(w.stops, func() { _ = os.RemoveAll(dir) })
	sandbox, err := process.StartSandbox(ctx, dir, args...)
	if err != nil {
		return nil, err
	}
	w.stops = append(w.stops, sandbox.Stop)
	if w.at, err = sandbox.Await(ctx, enough); err != nil {
		return nil, err
	}
	w.kubeconfig = w.at.Kubeconfig
	if err := w.connect(); err != nil {
		return nil, err
	}
	w.sandbox = sandbox.PID()
	return w, w.define(ctx)
}

func (w *env) close() {
	for _, stop := range slices.Backward(w.stops) {
		stop()
	}
}

// connect creates the clients.
func (w *env) connect() error {
	cfg, err := clientcmd.BuildConfigFromFlags("", w.kubeconfig)
	if err != nil {
		return fmt.Errorf("read %s: %w", w.kubeconfig, err)
	}
	cfg.QPS = -1
	if w.kube, err = kubernetes.NewForConfig(cfg); err != nil {
		return fmt.Errorf("create a client: %w", err)
	}
	if w.dynamic, err = dynamic.NewForConfig(cfg); err != nil {
		return fmt.Errorf("create a client: %w", err)
	}
	return nil
}

// createNamespace creates a namespace.
func (w *env) createNamespace(ctx context.Context, name string) error {
	spec := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := w.kube.CoreV1().Namespaces().Create(ctx, spec, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	return nil
}

// fill creates the namespaces, the Deployments and the ScaledObjects.
func (w *env) fill(ctx context.Context, o options) error {
	for _, ns := range []string{scaledNamespace, bareNamespace} {
		if err := w.createNamespace(ctx, ns); err != nil {
			return err
		}
	}
	fmt.Printf("• making %d Deployments and ScaledObjects\n", o.objects)
	if err := parallel(o.objects, fillers, func(i int) error { return w.pair(ctx, scaledNamespace, i) }); err != nil {
		return err
	}
	return parallel(bareTargets, fillers, func(i int) error { return w.pair(ctx, bareNamespace, i) })
}

// define creates the CRDs and waits until ScaledObjects are served.
func (w *env) define(ctx context.Context) error {
	paths, err := filepath.Glob("deploy/crds/*.yaml")
	if err != nil || len(paths) == 0 {
		return errors.New("no CRDs in deploy/crds")
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(content, &crd.Object); err != nil {
			return fmt.Errorf("decode %s: %w", path, err)
		}
		if _, err := w.dynamic.Resource(crds).Create(ctx, crd, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create %s: %w", path, err)
		}
	}
	return process.WaitFor(ctx, 20*time.Second, "ScaledObjects are served", func(ctx context.Context) (bool, error) {
		_, err := w.dynamic.Resource(scaledObjects).List(ctx, metav1.ListOptions{Limit: 1})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	})
}

// pair creates one Deployment and the ScaledObject that scales it. Impulse does not read those in bareNamespace.
func (w *env) pair(ctx context.Context, ns string, i int) error {
	return w.createWorkload(ctx, ns, app(i), low, `"minReplicaCount": 1, "maxReplicaCount": 10,
		"advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}},
		"triggers": [{"type": "alertmanager", "metadata": {"matchers": "{app=\"APP\"}", "replicas": 5}}]`)
}

// createWorkload creates one Deployment of n replicas and a ScaledObject for it. APP in the spec stands for its name.
func (w *env) createWorkload(ctx context.Context, ns, name string, n int32, spec string) error {
	if err := w.createDeployment(ctx, ns, name, name, n); err != nil {
		return err
	}
	so := &unstructured.Unstructured{}
	text := strings.ReplaceAll(`{"apiVersion": "impulse.sh/v1alpha1", "kind": "ScaledObject",
		"metadata": {"name": "APP"}, "spec": {"scaleTargetRef": {"name": "APP"}, `+spec+`}}`, "APP", name)
	if err := so.UnmarshalJSON([]byte(text)); err != nil {
		return fmt.Errorf("decode ScaledObject %s: %w", name, err)
	}
	if _, err := w.dynamic.Resource(scaledObjects).Namespace(ns).Create(ctx, so, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create ScaledObject %s: %w", name, err)
	}
	return nil
}

// createDeployment creates a Deployment of n replicas, whose pods have the label app.
func (w *env) createDeployment(ctx context.Context, ns, name, app string, n int32) error {
	labels := map[string]string{"app": app}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &n,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
			},
		},
	}
	if _, err := w.kube.AppsV1().Deployments(ns).Create(ctx, d, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create Deployment %s: %w", name, err)
	}
	return nil
}

// start runs Impulse as in production, with a Lease and durable alerts, and waits until every object has a status.
func (w *env) start(ctx context.Context) error {
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return err
	}
	w.impulse = "http://" + address
	p, err := process.Start(ctx, w.dir, "impulse", w.binary, "run", "--kubeconfig", w.kubeconfig,
		"--namespace", scaledNamespace, "--lease-namespace", scaledNamespace, "--listen", address, "--allow-source-addresses", "127.0.0.0/8,::1")
	if err != nil {
		return err
	}
	w.stops, w.log = append(w.stops, p.Stop), p.LogPath()
	return w.awaitDecisions(ctx, scaledNamespace, p)
}

// awaitDecisions waits until every object of a namespace has a status with a decision.
func (w *env) awaitDecisions(ctx context.Context, ns string, p *process.Process) error {
	return process.WaitFor(ctx, time.Minute, "impulse has decided on every object", func(ctx context.Context) (bool, error) {
		list, err := w.dynamic.Resource(scaledObjects).Namespace(ns).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return false, p.Err()
		}
		for i := range list.Items {
			if _, found, _ := unstructured.NestedInt64(list.Items[i].Object, "status", "desiredReplicas"); !found {
				return false, p.Err()
			}
		}
		return true, nil
	})
}

func app(i int) string { return fmt.Sprintf("app-%04d", i) }

// serve serves a source until ctx is done, and returns its address.
func serve(ctx context.Context, source http.Handler) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: source, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }() // It ends when it is closed.
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return "http://" + listener.Addr().String(), nil
}
