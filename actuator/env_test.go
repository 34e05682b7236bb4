package actuator_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

// env is a namespace of a real API server, with what the tests do there.
type env struct {
	t         *testing.T
	config    *rest.Config
	namespace string
	dynamic   dynamic.Interface
}

func newEnv(t *testing.T) *env {
	t.Helper()
	config := sandbox.Config(t)
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return &env{t: t, config: config, namespace: sandbox.Namespace(t, config), dynamic: client}
}

// client returns an actuator with an administrator's permissions.
func (e *env) client(options actuator.Options) *actuator.Client {
	e.t.Helper()
	return newClient(e.t, e.config, options)
}

func newClient(t *testing.T, config *rest.Config, options actuator.Options) *actuator.Client {
	t.Helper()
	c, err := actuator.New(config, options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// resource returns the client for objects like o. The plural of each kind of the tests is regular.
func (e *env) resource(o *unstructured.Unstructured) dynamic.ResourceInterface {
	gvk := o.GroupVersionKind()
	plural := strings.ToLower(gvk.Kind) + "s"
	if stem, ok := strings.CutSuffix(plural, "ys"); ok {
		plural = stem + "ies"
	}
	r := e.dynamic.Resource(gvk.GroupVersion().WithResource(plural))
	if gvk.Group == "admissionregistration.k8s.io" {
		return r
	}
	switch gvk.Kind {
	case "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding":
		return r
	}
	return r.Namespace(e.namespace)
}

// apply creates the object of a manifest, and returns it as it was stored.
func (e *env) apply(manifest string) *unstructured.Unstructured {
	e.t.Helper()
	o := e.parse(manifest)
	stored, err := e.resource(o).Create(e.t.Context(), o, metav1.CreateOptions{})
	if err != nil {
		e.t.Fatalf("create %s %s: %v", o.GetKind(), o.GetName(), err)
	}
	return stored
}

// remove deletes an object and waits until it is gone.
func (e *env) remove(o *unstructured.Unstructured) {
	e.t.Helper()
	ctx := context.WithoutCancel(e.t.Context())
	at := metav1.DeletePropagationBackground
	if err := e.resource(o).Delete(ctx, o.GetName(), metav1.DeleteOptions{PropagationPolicy: &at}); err != nil {
		e.t.Fatalf("delete %s %s: %v", o.GetKind(), o.GetName(), err)
	}
	testkit.Eventually(e.t, o.GetName()+" is gone", func(ctx context.Context) bool {
		_, err := e.resource(o).Get(ctx, o.GetName(), metav1.GetOptions{})
		return err != nil
	})
}

// patch changes an object as another program would.
func (e *env) patch(o *unstructured.Unstructured, merge string, subresources ...string) {
	e.t.Helper()
	_, err := e.resource(o).Patch(e.t.Context(), o.GetName(), types.MergePatchType, []byte(merge),
		metav1.PatchOptions{}, subresources...)
	if err != nil {
		e.t.Fatalf("patch %s %s: %v", o.GetKind(), o.GetName(), err)
	}
}

// target returns o as a target.
func (e *env) target(o *unstructured.Unstructured) actuator.Target {
	return actuator.Target{Namespace: e.namespace, APIVersion: o.GetAPIVersion(), Kind: o.GetKind(), Name: o.GetName()}
}

// deployment creates a Deployment. Nothing prevents its pods.
func (e *env) deployment(name string, replicas string) *unstructured.Unstructured {
	e.t.Helper()
	return e.apply(workload("apps/v1", "Deployment", name, replicas))
}

func workload(apiVersion, kind, name, replicas string) string {
	selector := "{matchLabels: {app: " + name + "}}"
	if kind == "ReplicationController" {
		selector = "{app: " + name + "}"
	}
	return `
apiVersion: ` + apiVersion + `
kind: ` + kind + `
metadata: {name: ` + name + `}
spec:
  replicas: ` + replicas + `
  selector: ` + selector + `
  template:
    metadata: {labels: {app: ` + name + `}}
    spec: {containers: [{name: main, image: registry.k8s.io/pause}]}`
}

// widgets creates a CustomResourceDefinition whose instances have their count in an unusual field. Its group is the test's own.
func (e *env) widgets() *unstructured.Unstructured {
	e.t.Helper()
	group := e.namespace + ".impulse.test"
	crd := e.parse(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.` + group + `}
spec:
  group: ` + group + `
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale:
        specReplicasPath: .spec.fleet.size
        statusReplicasPath: .status.size
        labelSelectorPath: .status.fleet.selector
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}`)
	e.install(crd)
	e.t.Cleanup(func() { e.remove(crd) })
	return crd
}

// install creates a CustomResourceDefinition.
func (e *env) install(crd *unstructured.Unstructured) {
	e.t.Helper()
	if _, err := e.resource(crd).Create(e.t.Context(), crd, metav1.CreateOptions{}); err != nil {
		e.t.Fatalf("create %s: %v", crd.GetName(), err)
	}
	e.awaitWidgets()
}

// awaitWidgets waits until the API server serves the test's custom resource.
func (e *env) awaitWidgets() {
	e.t.Helper()
	resource := schema.GroupVersionResource{Group: e.namespace + ".impulse.test", Version: "v1", Resource: "widgets"}
	testkit.Eventually(e.t, "widgets are served", func(ctx context.Context) bool {
		_, err := e.dynamic.Resource(resource).Namespace(e.namespace).List(ctx, metav1.ListOptions{})
		return err == nil
	})
}

func (e *env) widget(name, spec string) string {
	return `
apiVersion: ` + e.namespace + `.impulse.test/v1
kind: Widget
metadata: {name: ` + name + `}
spec: ` + spec
}

// watcher follows a target, with the observations that it has reported.
type watcher struct {
	t        *testing.T
	mu       sync.Mutex
	observed []actuator.Observation
	changed  chan struct{}
}

// watch starts to watch target; the watch ends with the test.
func watch(t *testing.T, c *actuator.Client, target actuator.Target, options actuator.WatchOptions) *watcher {
	t.Helper()
	v := &watcher{t: t, changed: make(chan struct{}, 1)}
	stop, err := c.Follow(target, options, v.record)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return v
}

func (v *watcher) record(o actuator.Observation) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.observed = append(v.observed, o)
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// all returns the observations so far.
func (v *watcher) all() []actuator.Observation {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.observed)
}

// until waits until want is true for the newest observation, and returns that observation.
func (v *watcher) until(what string, want func(actuator.Observation) bool) actuator.Observation {
	v.t.Helper()
	late := time.After(testkit.Timeout)
	for {
		all := v.all()
		if len(all) > 0 && want(all[len(all)-1]) {
			return all[len(all)-1]
		}
		select {
		case <-v.changed:
		case <-late:
			v.t.Fatalf("waited %s for: %s; observed %+v", testkit.Timeout, what, v.all())
		}
	}
}

// awaitCount waits until the count is known and n.
func (v *watcher) awaitCount(n int32) actuator.Scale {
	v.t.Helper()
	return v.until("the count is right", func(o actuator.Observation) bool {
		return o.Err == nil && o.Scale.Replicas == n
	}).Scale
}

// parse returns the object of a manifest, which is not created.
func (e *env) parse(manifest string) *unstructured.Unstructured {
	e.t.Helper()
	var o unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(manifest), &o.Object); err != nil {
		e.t.Fatal(err)
	}
	return &o
}
