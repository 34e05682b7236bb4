package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/kube/apiclient"
	"github.com/impulse-sh/impulse/internal/kube/watch"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

const (
	resource = "scaledobjects"
	// maxListRetry is the longest pause before the objects are read again after a failure, without its random part.
	maxListRetry = 2 * time.Second
)

// Cluster reads ScaledObjects from the API server, and writes their status and finalizers.
type Cluster struct {
	client    rest.Interface
	namespace string
	log       *slog.Logger
	listed    atomic.Bool
}

// NewCluster returns a Cluster for the objects of one namespace, or of all namespaces if it is "". It does no I/O.
func NewCluster(config *rest.Config, namespace string, log *slog.Logger) (*Cluster, error) {
	c, err := apiclient.New(config)
	if err != nil {
		return nil, err
	}
	return &Cluster{client: c, namespace: namespace, log: log}, nil
}

// Run passes all changes of objects to a controller until ctx is done, and retries while the API server is unavailable. It calls
// onListed after each complete list.
func (k *Cluster) Run(ctx context.Context, c *Controller, onListed func()) {
	k.listed.Store(false)
	health := watch.NewHealth(
		func(err error) {
			k.log.Error("objects cannot be read", slog.String("resource", resource), slog.String("effect", "their changes are not noticed"), slog.Any("error", err))
		},
		func() { k.log.Info("objects are read again", slog.String("resource", resource)) },
	)
	failed := func(err error) { health.Failed(err, false) }
	source := watch.Bounded(cache.NewListWatchFromClient(k.client, resource, k.namespace, fields.Everything()), watch.Observer{Retried: failed, Current: health.Succeeded})
	store := &feed{ctx: ctx, cluster: k, controller: c, onListed: func() { health.Succeeded(); onListed() }}
	reflector := cache.NewReflectorWithOptions(source, &v1alpha1.ScaledObject{}, store, cache.ReflectorOptions{Name: resource, Backoff: watch.Backoff(maxListRetry)})
	watch.Retry(ctx, func(error) time.Duration { return maxListRetry }, func(ctx context.Context) error {
		err := reflector.ListAndWatchWithContext(ctx)
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		return err
	})
}

// Listed reports whether a complete list has been passed to the controller since Run was called.
func (k *Cluster) Listed() bool { return k.listed.Load() }

// Save replaces the whole status of an object. It returns status.ErrGone if the object no longer exists, or if another object has
// its name by now.
func (k *Cluster) Save(ctx context.Context, o status.Object, stored *v1alpha1.ScaledObjectStatus) error {
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": o.UID},
		{"op": "add", "path": "/status", "value": stored},
	})
	if err != nil {
		return fmt.Errorf("encode the status: %w", err)
	}
	err = k.client.Patch(types.JSONPatchType).Namespace(o.Namespace).Resource(resource).Name(o.Name).SubResource("status").
		MaxRetries(0).Body(patch).Do(ctx).Error() // The reporter retries, with a newer status.
	if (apierrors.IsNotFound(err) || apierrors.IsInvalid(err)) && k.replaced(ctx, o) {
		return status.ErrGone
	}
	return err
}

// replaced reports whether an object is gone, or has been replaced by another one of the same name. The status code of a failed
// write does not show this: an admission webhook that denies the write may choose any code.
func (k *Cluster) replaced(ctx context.Context, o status.Object) bool {
	so := &v1alpha1.ScaledObject{}
	err := k.client.Get().Namespace(o.Namespace).Resource(resource).Name(o.Name).Do(ctx).Into(so)
	return apierrors.IsNotFound(err) || err == nil && string(so.UID) != o.UID
}

// feed is a store adapter: it passes what a reflector reads to a controller, and stores nothing.
type feed struct {
	ctx        context.Context //nolint:containedctx // The context of Run: a reflector passes none to its store.
	cluster    *Cluster
	controller *Controller
	onListed   func()
}

var errType = errors.New("not a ScaledObject")

// Add applies a new object.
func (f *feed) Add(o any) error { return f.Update(o) }

// Update applies a new version of an object.
func (f *feed) Update(o any) error {
	so, ok := o.(*v1alpha1.ScaledObject)
	if !ok {
		return errType
	}
	f.controller.Apply(f.ctx, trim(so))
	return nil
}

// Delete removes an object.
func (f *feed) Delete(o any) error {
	so, ok := o.(*v1alpha1.ScaledObject)
	if !ok {
		return errType
	}
	f.controller.Delete(f.ctx, so.Namespace+"/"+so.Name)
	return nil
}

// Replace applies a complete list of objects.
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
	if f.ctx.Err() == nil { // Otherwise the controller may not have applied it.
		f.cluster.listed.Store(true)
		f.onListed()
	}
	return nil
}

// Resync does nothing: the reflector has no resync period.
func (f *feed) Resync() error { return nil }

// trim removes fields that Impulse does not read, and sets defaults that an older CRD may lack.
func trim(so *v1alpha1.ScaledObject) *v1alpha1.ScaledObject {
	so.ManagedFields = nil
	delete(so.Annotations, "kubectl.kubernetes.io/last-applied-configuration")
	compile.Default(so)
	return so
}
