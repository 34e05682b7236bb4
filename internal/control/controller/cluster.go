package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

const resource = "scaledobjects"

// Cluster reads ScaledObjects from the API server, and writes their status there.
type Cluster struct {
	client    rest.Interface
	namespace string
	listed    atomic.Bool
}

// NewCluster returns a Cluster for the objects of one namespace, or of all when it is "". It does no I/O.
func NewCluster(config *rest.Config, namespace string) (*Cluster, error) {
	client, err := Client(config)
	if err != nil {
		return nil, err
	}
	return &Cluster{client: client, namespace: namespace}, nil
}

// Client returns a client of our own API group.
func Client(config *rest.Config) (rest.Interface, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	gv := v1alpha1.GroupVersion()
	config = rest.CopyConfig(config)
	config.GroupVersion, config.APIPath, config.QPS = &gv, "/apis", -1
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("set up the client of %s: %w", gv, err)
	}
	return client, nil
}

// Run keeps a controller up to date until ctx is done, however long the API server is away. known is called each time that all
// objects have been handed on.
func (k *Cluster) Run(ctx context.Context, c *Controller, known func()) {
	k.listed.Store(false)
	watch := cache.NewListWatchFromClient(k.client, resource, k.namespace, fields.Everything())
	reflector := cache.NewReflectorWithOptions(watch, &v1alpha1.ScaledObject{}, &feed{ctx: ctx, cluster: k, controller: c, known: known},
		cache.ReflectorOptions{Name: resource})
	reflector.RunWithContext(ctx)
}

// Listed reports whether the objects are known.
func (k *Cluster) Listed() bool { return k.listed.Load() }

// Save replaces the status of an object. It is written as a whole, and only over the object that was read: the name may
// have gone to another one.
func (k *Cluster) Save(ctx context.Context, o status.Object, stored *v1alpha1.ScaledObjectStatus) error {
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": o.UID},
		{"op": "add", "path": "/status", "value": stored},
	})
	if err != nil {
		return fmt.Errorf("encode the status: %w", err)
	}
	err = k.client.Patch(types.JSONPatchType).Namespace(o.Namespace).Resource(resource).Name(o.Name).SubResource("status").
		Body(patch).Do(ctx).Error()
	if (apierrors.IsNotFound(err) || apierrors.IsInvalid(err)) && k.replaced(ctx, o) {
		return status.ErrGone
	}
	return err
}

// replaced reports whether an object is gone, or has been replaced by another one of the same name. The code of a failed write
// does not tell: a webhook that denies it chooses the code.
func (k *Cluster) replaced(ctx context.Context, o status.Object) bool {
	so := &v1alpha1.ScaledObject{}
	err := k.client.Get().Namespace(o.Namespace).Resource(resource).Name(o.Name).Do(ctx).Into(so)
	return apierrors.IsNotFound(err) || err == nil && string(so.UID) != o.UID
}

// feed hands what a reflector sees to a controller, and keeps nothing itself.
type feed struct {
	ctx        context.Context //nolint:containedctx // It is the context of Run, which the reflector's store is not given.
	cluster    *Cluster
	controller *Controller
	known      func()
}

var errType = errors.New("not a ScaledObject")

// Add takes in an object.
func (f *feed) Add(o any) error { return f.Update(o) }

// Update takes in a version of an object.
func (f *feed) Update(o any) error {
	so, ok := o.(*v1alpha1.ScaledObject)
	if !ok {
		return errType
	}
	f.controller.Apply(f.ctx, trim(so))
	return nil
}

// Delete takes out an object.
func (f *feed) Delete(o any) error {
	so, ok := o.(*v1alpha1.ScaledObject)
	if !ok {
		return errType
	}
	f.controller.Delete(f.ctx, so.Namespace+"/"+so.Name)
	return nil
}

// Replace takes in all objects that there are.
func (f *feed) Replace(list []any, _ string) error {
	all := make([]*v1alpha1.ScaledObject, 0, len(list))
	for _, o := range list {
		so, ok := o.(*v1alpha1.ScaledObject)
		if !ok {
			return errType
		}
		all = append(all, trim(so))
	}
	f.controller.Sync(f.ctx, all)
	f.cluster.listed.Store(true)
	f.known()
	return nil
}

// Resync is not asked for.
func (f *feed) Resync() error { return nil }

// trim drops what is not needed, and fills in what an older CRD may not have.
func trim(so *v1alpha1.ScaledObject) *v1alpha1.ScaledObject {
	so.ManagedFields = nil
	delete(so.Annotations, "kubectl.kubernetes.io/last-applied-configuration")
	compile.Default(so)
	return so
}
