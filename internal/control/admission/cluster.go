package admission

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/kube/apiclient"
	"github.com/impulse-sh/impulse/internal/kube/typed"
	"github.com/impulse-sh/impulse/internal/kube/watch"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
)

// maxRetry is the longest pause between two attempts to list objects.
const maxRetry = 5 * time.Second

// Cluster has what reviews read of the cluster. ScaledObjects, authentications and HPAs are watched while Run runs. Until they are known,
// no conflict is reported.
type Cluster struct {
	targets    *actuator.Client
	core       *typed.Core
	objects    *claims
	namespaced *watch.Cache[struct{}, manifest.Access]
	cluster    *watch.Cache[struct{}, manifest.Access]

	mu   sync.Mutex
	hpas func(actuator.Target) string
}

// NewCluster returns a Cluster for the objects of one namespace, or of all namespaces if it is "". It does no I/O.
func NewCluster(config *rest.Config, namespace string, targets *actuator.Client, core *typed.Core) (*Cluster, error) {
	client, err := apiclient.New(config)
	if err != nil {
		return nil, err
	}
	return &Cluster{
		targets: targets, core: core,
		objects:    newClaims(source(client, "scaledobjects", namespace)),
		namespaced: newAccesses(source(client, "triggerauthentications", namespace)),
		cluster:    newAccesses(source(client, "clustertriggerauthentications", "")),
	}, nil
}

type lister func(context.Context) (cache.ListerWatcher, error)

func source(client rest.Interface, resource, namespace string) lister {
	return func(context.Context) (cache.ListerWatcher, error) {
		return cache.NewListWatchFromClient(client, resource, namespace, fields.Everything()), nil
	}
}

// Run watches until ctx is done.
func (c *Cluster) Run(ctx context.Context) error {
	find, stop := c.targets.FollowHPAs(ctx)
	c.mu.Lock()
	c.hpas = find
	c.mu.Unlock()
	var all sync.WaitGroup
	all.Go(func() { c.objects.Run(ctx) })
	all.Go(func() { c.namespaced.Run(ctx) })
	all.Go(func() { c.cluster.Run(ctx) })
	all.Wait()
	stop()
	return ctx.Err()
}

// Claimant returns another ScaledObject that scales a target; "" if none is known.
func (c *Cluster) Claimant(t actuator.Target, except types.NamespacedName) string {
	return c.objects.claimant(t, except)
}

// HPA returns the HorizontalPodAutoscaler that scales a target; "" if none is known.
func (c *Cluster) HPA(t actuator.Target) string {
	c.mu.Lock()
	find := c.hpas
	c.mu.Unlock()
	if find == nil {
		return ""
	}
	return find(t)
}

// Authentication returns the access of "KIND NAMESPACE/NAME". It returns false if there is no such authentication. While that is unknown,
// it returns one that everybody may use, so that nothing is reported.
func (c *Cluster) Authentication(key string) (manifest.Access, bool) {
	kind, name := splitKey(key)
	all := c.namespaced
	if kind == "ClusterTriggerAuthentication" {
		all = c.cluster
	}
	all.Lock()
	defer all.Unlock()
	if synced, err := all.Synced(); !synced || err != nil {
		return manifest.Access{}, true
	}
	return all.Get(name)
}

// PodSpec reads the pod template of a target. It returns nil if there is no such target, or it has none, or it cannot be read.
func (c *Cluster) PodSpec(ctx context.Context, t actuator.Target) *corev1.PodSpec {
	lw, err := c.targets.WatchTarget(ctx, t)
	if err != nil {
		return nil
	}
	list, err := cache.ToListerWithContext(lw).ListWithContext(ctx, metav1.ListOptions{})
	all, ok := list.(*unstructured.UnstructuredList)
	if err != nil || !ok || len(all.Items) == 0 {
		return nil
	}
	spec, found, err := unstructured.NestedMap(all.Items[0].Object, "spec", "template", "spec")
	pod := &corev1.PodSpec{}
	if err != nil || !found || runtime.DefaultUnstructuredConverter.FromUnstructured(spec, pod) != nil {
		return nil
	}
	return pod
}

// DefaultRequest reports whether a LimitRange sets the requests of containers without a request for a resource.
func (c *Cluster) DefaultRequest(ctx context.Context, namespace string, resource corev1.ResourceName) (bool, error) {
	list, err := c.core.LimitRanges(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, fmt.Errorf("list the LimitRanges of %s: %w", namespace, err)
	}
	for i := range list.Items {
		for _, limit := range list.Items[i].Spec.Limits {
			if _, ok := limit.DefaultRequest[resource]; ok && limit.Type == corev1.LimitTypeContainer {
				return true, nil
			}
		}
	}
	return false, nil
}

func newAccesses(source lister) *watch.Cache[struct{}, manifest.Access] {
	return watch.NewCache(watch.Options[struct{}, manifest.Access]{
		Source: source, Trim: accessOf, MaxRetry: func(error) time.Duration { return maxRetry }, Lasting: func(error) bool { return true },
	})
}

// accessOf returns what a review reads of an authentication.
func accessOf(object any) (manifest.Access, bool) {
	switch a := object.(type) {
	case *v1alpha1.TriggerAuthentication:
		return manifest.Access{Identity: identityOf(a.Spec.PodIdentity)}, true
	case *v1alpha1.ClusterTriggerAuthentication:
		return manifest.Access{Namespaces: append([]string{}, a.Spec.AllowedNamespaces...), Identity: identityOf(a.Spec.PodIdentity)}, true
	default:
		return manifest.Access{}, false
	}
}

func identityOf(i *v1alpha1.PodIdentity) string {
	if i == nil || i.Provider == v1alpha1.IdentityNone {
		return ""
	}
	return i.Provider
}
