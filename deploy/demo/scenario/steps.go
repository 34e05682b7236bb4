package scenario

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	deployments   = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	namespaces    = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	scaledObjects = schema.GroupVersionResource{Group: "impulse.sh", Version: "v1alpha1", Resource: "scaledobjects"}
)

// cluster applies the CRDs, unless they are installed with Impulse, and the Deployments in a namespace of their own.
func (s *Stack) cluster(ctx context.Context, _ Options) error {
	if s.install == nil {
		if err := s.applier.folder(ctx, "deploy/crds"); err != nil {
			return err
		}
	}
	ns := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": Namespace},
	}}
	if err := s.applier.one(ctx, ns); err != nil {
		return fmt.Errorf("create namespace %s: %w", Namespace, err)
	}
	return s.apply(ctx, s.values, "workloads.yaml")
}

// impulse starts `impulse run`, or installs Impulse, and waits until it is ready.
func (s *Stack) impulse(ctx context.Context, _ Options) error {
	if s.install != nil {
		return s.install(Installation{Kubeconfig: s.addresses.Kubeconfig, URL: s.values.ImpulseURL, TokenFile: s.values.TokenFile})
	}
	err := s.spawn(ctx, "impulse", filepath.Join(s.dir, "impulse"), "run",
		"--kubeconfig", s.addresses.Kubeconfig, "--namespace", Namespace, "--lease-namespace", Namespace,
		"--listen", hostOf(s.values.ImpulseURL), "--page-listen", hostOf(s.values.PageURL), "--log-format", "json",
		"--allow-source-addresses", "127.0.0.0/8,::1") // The sources of the demo are on this machine.
	if err != nil {
		return err
	}
	s.impulseLog = filepath.Join(s.dir, "impulse.log")
	return s.until(ctx, time.Minute, "impulse is ready", func(ctx context.Context) (bool, error) {
		return call(ctx, http.MethodGet, s.values.ImpulseURL+"/readyz") == nil, nil
	})
}

// first applies the policies of the Deployments that follow an alert and a schedule, which need no other source.
func (s *Stack) first(ctx context.Context, _ Options) error {
	s.values.CronStart, s.values.CronEnd = schedule(time.Now())
	return s.apply(ctx, s.values, "scaledobject-checkout.yaml", "scaledobject-office.yaml")
}

// schedule returns the cron expressions for the start and the end of a window of one minute, which first opens at the next full
// minute, and then every two minutes.
func schedule(now time.Time) (start, end string) {
	const even, odd = "*/2 * * * *", "1-59/2 * * * *"
	if now.UTC().Minute()%2 == 1 {
		return even, odd
	}
	return odd, even
}

// deleteNamespace deletes the demo's namespace from the user's cluster; the CRDs stay, because other objects may need them.
func (s *Stack) deleteNamespace(ctx context.Context) error {
	err := s.dynamic.Resource(namespaces).Delete(ctx, Namespace, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete namespace %s: %w", Namespace, err)
	}
	return nil
}

// apply renders templates and applies their objects.
func (s *Stack) apply(ctx context.Context, v values, names ...string) error {
	for _, name := range names {
		content, err := render(name, v)
		if err != nil {
			return err
		}
		if err := s.applier.apply(ctx, content); err != nil {
			return err
		}
	}
	return nil
}

// load makes the mock metric rise, fall or stay as it is: direction is up, down or stop.
func (s *Stack) load(ctx context.Context, direction string) error {
	return call(ctx, http.MethodPost, s.mock+"/scale/"+direction)
}
