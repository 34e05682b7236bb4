package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

// bare is a Deployment that only the test scales: the times of its writes are those that the machine itself needs.
const bare = "bare"

var scaledObjects = schema.GroupVersionResource{Group: "impulse.sh", Version: "v1alpha1", Resource: "scaledobjects"}

// plane is a seed's namespace, with clients that no fault affects.
type plane struct {
	*sandbox.Env
	env *env
	// seen receives the count of each bare write that the watch has shown.
	seen chan int32
}

var applyCRDs sync.Once

// newPlane creates the namespace and all objects, and watches them until the test ends.
func newPlane(e *env) *plane {
	e.t.Helper()
	p := &plane{Env: sandbox.NewEnv(e.t), env: e, seen: make(chan int32, 16)}
	applyCRDs.Do(func() { sandbox.ApplyCRDs(e.t, root+"/deploy/crds") })
	p.deployment(bare, 0)
	for _, o := range e.plan.objects {
		p.deployment(o.name, o.start)
		if err := p.scaledObject(e.t.Context(), o); err != nil {
			e.t.Fatal(err)
		}
	}
	stream, err := p.list(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	e.background.Go(func() { p.watch(e.t.Context(), stream) })
	return p
}

// list records all counts, and returns a watch from then on.
func (p *plane) list(ctx context.Context) (*watchtools.RetryWatcher, error) {
	deployments := p.Kube.AppsV1().Deployments(p.Namespace)
	list, err := deployments.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for i := range list.Items {
		if d := &list.Items[i]; d.Name != bare {
			p.env.ledger.recordCount(d.Name, *d.Spec.Replicas)
		}
	}
	return watchtools.NewRetryWatcherWithContext(ctx, list.ResourceVersion, &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return deployments.Watch(ctx, o)
		},
	})
}

// deployment creates a Deployment. It is paused, so that no pods are created: only its count matters.
func (p *plane) deployment(name string, n int32) {
	t, labels := p.env.t, map[string]string{"app": name}
	t.Helper()
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Paused: true, Replicas: &n, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
			},
		},
	}
	if _, err := p.Kube.AppsV1().Deployments(p.Namespace).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// scaledObject creates an object's ScaledObject.
func (p *plane) scaledObject(ctx context.Context, o *object) error {
	e := p.env
	if e.natsWire != nil {
		o.spec = strings.NewReplacer("NATS", e.natsWire.address(), "PROMETHEUS", e.promWire.address()).Replace(o.spec)
	}
	var spec map[string]any
	if err := yaml.Unmarshal([]byte(o.spec), &spec); err != nil {
		return err
	}
	spec["scaleTargetRef"] = map[string]any{"name": o.name}
	content, err := json.Marshal(map[string]any{
		"apiVersion": "impulse.sh/v1alpha1", "kind": "ScaledObject", "metadata": map[string]any{"name": o.name}, "spec": spec,
	})
	if err != nil {
		return err
	}
	so := &unstructured.Unstructured{}
	if err := so.UnmarshalJSON(content); err != nil {
		return err
	}
	_, err = p.Dynamic.Resource(scaledObjects).Namespace(p.Namespace).Create(ctx, so, metav1.CreateOptions{})
	return err
}

// watch records every count of a Deployment. A watch that has expired, as after an outage of the API server, is resumed with
// the current counts.
func (p *plane) watch(ctx context.Context, stream *watchtools.RetryWatcher) {
	for {
		for e := range stream.ResultChan() {
			p.observe(e)
		}
		err := errors.New("no request yet")
		for err != nil {
			if ctx.Err() != nil {
				return
			}
			stream, err = p.list(ctx)
		}
	}
}

// observe records one event.
func (p *plane) observe(e watch.Event) {
	d, ok := e.Object.(*appsv1.Deployment)
	switch {
	case !ok, e.Type == watch.Deleted:
	case d.Name == bare:
		select {
		case p.seen <- *d.Spec.Replicas:
		default:
		}
	default:
		p.env.ledger.recordCount(d.Name, *d.Spec.Replicas)
	}
}

// measure writes to the bare Deployment again and again, and records how long it takes until the watch shows each write.
func (p *plane) measure(ctx context.Context) {
	for n := int32(1); ; n++ {
		began := time.Now()
		patch := []byte(`{"spec":{"replicas":` + string('0'+n%10) + `}}`)
		_, err := p.Kube.AppsV1().Deployments(p.Namespace).Patch(ctx, bare, types.MergePatchType, patch, metav1.PatchOptions{}, "scale")
		for err == nil {
			select {
			case <-ctx.Done():
				return
			case seen := <-p.seen:
				if seen != n%10 {
					continue
				}
			case <-time.After(prompt): // Its event was lost with the watch.
			}
			break
		}
		p.env.ledger.recordBareWrite(began, time.Since(began))
		select {
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// runSandbox runs a command of the sandbox on the API server.
func (p *plane) runSandbox(ctx context.Context, verb string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, os.Getenv("IMPULSE_TEST_SANDBOX"), verb, "kube-apiserver", "--dir", os.Getenv("IMPULSE_TEST_SANDBOX_DIR")).CombinedOutput()
	if err != nil {
		p.env.ledger.fail("sandbox %s: %v: %s", verb, err, out)
	}
}

// holder returns the identity of the process that holds the Lease.
func (p *plane) holder(ctx context.Context) string {
	lease, err := p.Kube.CoordinationV1().Leases(p.Namespace).Get(ctx, "impulse", metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}
