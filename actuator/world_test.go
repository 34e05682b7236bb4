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

// patience is how long something may take on a busy machine.
const patience = time.Minute

// world is a namespace of the real API server, and what a test does to it.
type world struct {
	t         *testing.T
	config    *rest.Config
	namespace string
	dynamic   dynamic.Interface
}

func newWorld(t *testing.T) *world {
	t.Helper()
	config := sandbox.Config(t)
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, config: config, namespace: sandbox.Namespace(t, config), dynamic: client}
}

// client is an actuator with an administrator's rights.
func (w *world) client(options actuator.Options) *actuator.Client {
	w.t.Helper()
	return newClient(w.t, w.config, options)
}

func newClient(t *testing.T, config *rest.Config, options actuator.Options) *actuator.Client {
	t.Helper()
	c, err := actuator.New(config, options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// resource is where the API server serves objects like o; the test's kinds all have the plainest plural.
func (w *world) resource(o *unstructured.Unstructured) dynamic.ResourceInterface {
	gvk := o.GroupVersionKind()
	plural := strings.ToLower(gvk.Kind) + "s"
	if stem, ok := strings.CutSuffix(plural, "ys"); ok {
		plural = stem + "ies"
	}
	r := w.dynamic.Resource(gvk.GroupVersion().WithResource(plural))
	if gvk.Group == "admissionregistration.k8s.io" {
		return r
	}
	switch gvk.Kind {
	case "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding":
		return r
	}
	return r.Namespace(w.namespace)
}

// apply creates the object of a manifest, and returns it as it was stored.
func (w *world) apply(manifest string) *unstructured.Unstructured {
	w.t.Helper()
	o := w.parse(manifest)
	stored, err := w.resource(o).Create(w.t.Context(), o, metav1.CreateOptions{})
	if err != nil {
		w.t.Fatalf("create %s %s: %v", o.GetKind(), o.GetName(), err)
	}
	return stored
}

// remove deletes an object and waits until it is gone.
func (w *world) remove(o *unstructured.Unstructured) {
	w.t.Helper()
	ctx := context.WithoutCancel(w.t.Context())
	at := metav1.DeletePropagationBackground
	if err := w.resource(o).Delete(ctx, o.GetName(), metav1.DeleteOptions{PropagationPolicy: &at}); err != nil {
		w.t.Fatalf("delete %s %s: %v", o.GetKind(), o.GetName(), err)
	}
	testkit.Eventually(w.t, o.GetName()+" is gone", func(ctx context.Context) bool {
		_, err := w.resource(o).Get(ctx, o.GetName(), metav1.GetOptions{})
		return err != nil
	})
}

// patch changes an object the way another hand would.
func (w *world) patch(o *unstructured.Unstructured, merge string, subresources ...string) {
	w.t.Helper()
	_, err := w.resource(o).Patch(w.t.Context(), o.GetName(), types.MergePatchType, []byte(merge),
		metav1.PatchOptions{}, subresources...)
	if err != nil {
		w.t.Fatalf("patch %s %s: %v", o.GetKind(), o.GetName(), err)
	}
}

// target is o as a target.
func (w *world) target(o *unstructured.Unstructured) actuator.Target {
	return actuator.Target{Namespace: w.namespace, APIVersion: o.GetAPIVersion(), Kind: o.GetKind(), Name: o.GetName()}
}

// deployment is a Deployment that nothing keeps from having its pods.
func (w *world) deployment(name string, replicas string) *unstructured.Unstructured {
	w.t.Helper()
	return w.apply(workload("apps/v1", "Deployment", name, replicas))
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

// widgets is a CustomResourceDefinition whose instances keep their count where nobody would guess it. Its group is the
// test's own.
func (w *world) widgets() *unstructured.Unstructured {
	w.t.Helper()
	group := w.namespace + ".impulse.test"
	crd := w.parse(`
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
	w.install(crd)
	w.t.Cleanup(func() { w.remove(crd) })
	return crd
}

// install creates a CustomResourceDefinition.
func (w *world) install(crd *unstructured.Unstructured) {
	w.t.Helper()
	if _, err := w.resource(crd).Create(w.t.Context(), crd, metav1.CreateOptions{}); err != nil {
		w.t.Fatalf("create %s: %v", crd.GetName(), err)
	}
	w.served()
}

// served waits until instances of the test's CustomResourceDefinition can be made.
func (w *world) served() {
	w.t.Helper()
	resource := schema.GroupVersionResource{Group: w.namespace + ".impulse.test", Version: "v1", Resource: "widgets"}
	testkit.Eventually(w.t, "widgets are served", func(ctx context.Context) bool {
		_, err := w.dynamic.Resource(resource).Namespace(w.namespace).List(ctx, metav1.ListOptions{})
		return err == nil
	})
}

func (w *world) widget(name, spec string) string {
	return `
apiVersion: ` + w.namespace + `.impulse.test/v1
kind: Widget
metadata: {name: ` + name + `}
spec: ` + spec
}

// watching is a running Watch and what it has told.
type watching struct {
	t    *testing.T
	mu   sync.Mutex
	told []actuator.Observation
	news chan struct{}
}

// watch starts to watch target; it ends with the test.
func watch(t *testing.T, c *actuator.Client, target actuator.Target, options actuator.WatchOptions) *watching {
	t.Helper()
	v := &watching{t: t, news: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Watch(ctx, target, options, v.tell) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Watch ended with %v, want nil", err)
		}
	})
	return v
}

func (v *watching) tell(o actuator.Observation) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.told = append(v.told, o)
	select {
	case v.news <- struct{}{}:
	default:
	}
}

// all returns what has been told so far.
func (v *watching) all() []actuator.Observation {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.told)
}

// until waits until the newest observation is as wanted, and returns it.
func (v *watching) until(what string, want func(actuator.Observation) bool) actuator.Observation {
	v.t.Helper()
	late := time.After(patience)
	for {
		all := v.all()
		if len(all) > 0 && want(all[len(all)-1]) {
			return all[len(all)-1]
		}
		select {
		case <-v.news:
		case <-late:
			v.t.Fatalf("waited %s for: %s; was told %+v", patience, what, v.all())
		}
	}
}

// count waits until the count is known and n.
func (v *watching) count(n int32) actuator.Scale {
	v.t.Helper()
	return v.until("the count is right", func(o actuator.Observation) bool {
		return o.Err == nil && o.Scale.Replicas == n
	}).Scale
}

// parse returns the object of a manifest, which is not created.
func (w *world) parse(manifest string) *unstructured.Unstructured {
	w.t.Helper()
	var o unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(manifest), &o.Object); err != nil {
		w.t.Fatal(err)
	}
	return &o
}
