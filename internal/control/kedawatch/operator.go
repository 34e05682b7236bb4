package kedawatch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
)

// objects and changes are what a list and a watch return.
type (
	objects = runtime.Object
	changes = watch.Interface
)

const (
	// operatorLease is the name of the Lease that KEDA's operator holds while it runs.
	operatorLease = "operator.keda.sh"
	// defaultLease is the duration of a Lease that has none.
	defaultLease = 15 * time.Second
	// longDead is the number of lease durations after which a Lease has certainly expired, although its times are those of another clock.
	longDead = 10
)

// operator follows whether KEDA's own operator runs: it holds a Lease, which it renews. Until the Leases are known, it may run.
type operator struct {
	// changed is called when mayRun changes.
	changed func()

	mu    sync.Mutex
	known bool
	// expiry has, for each Lease that is held, the timer that ends at its expiry.
	expiry map[string]*time.Timer
}

func newOperator(changed func()) *operator {
	return &operator{changed: changed, expiry: map[string]*time.Timer{}}
}

// mayRun reports whether KEDA's operator runs, or whether that is unknown.
func (o *operator) mayRun() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.known || len(o.expiry) > 0
}

// run follows the Leases until ctx is done.
func (o *operator) run(ctx context.Context, client dynamic.Interface, log *slog.Logger) {
	leases := client.Resource(schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"})
	informer := cache.NewSharedIndexInformer(listWatchOf(leases, "metadata.name="+operatorLease), &unstructured.Unstructured{}, 0, cache.Indexers{})
	failure := failureLog{log: log, resource: "the lease " + operatorLease}
	set := func(object any) {
		if lease, ok := object.(*unstructured.Unstructured); ok {
			o.observe(lease, log)
		}
	}
	// Both return an error only for an informer that runs.
	_ = informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) { failure.report(err) })
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: set, UpdateFunc: func(_, after any) { set(after) },
		DeleteFunc: func(object any) {
			if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = gone.Obj
			}
			if lease, ok := object.(*unstructured.Unstructured); ok {
				o.release(lease.GetNamespace(), nil, log)
			}
		},
	})
	var all sync.WaitGroup
	all.Go(func() { informer.RunWithContext(ctx) })
	if cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		for _, object := range informer.GetStore().List() {
			set(object) // Handlers may be called later than that.
		}
		o.mu.Lock()
		o.known = true
		o.mu.Unlock()
		o.changed()
	}
	all.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, timer := range o.expiry {
		timer.Stop()
	}
}

// observe applies a version of a Lease: one that is held expires unless the next version comes in time.
func (o *operator) observe(lease *unstructured.Unstructured, log *slog.Logger) {
	holder, _, _ := unstructured.NestedString(lease.Object, "spec", "holderIdentity")
	seconds, _, _ := unstructured.NestedInt64(lease.Object, "spec", "leaseDurationSeconds")
	renewed, _, _ := unstructured.NestedString(lease.Object, "spec", "renewTime")
	duration := time.Duration(seconds) * time.Second
	if duration <= 0 {
		duration = defaultLease
	}
	at, err := time.Parse(metav1.RFC3339Micro, renewed)
	if holder == "" || err == nil && time.Since(at) > longDead*duration {
		o.release(lease.GetNamespace(), nil, log)
		return
	}
	o.mu.Lock()
	old := o.expiry[lease.GetNamespace()]
	var timer *time.Timer
	timer = time.AfterFunc(duration, func() {
		o.release(lease.GetNamespace(), func() bool { return o.expiry[lease.GetNamespace()] == timer }, log)
	})
	o.expiry[lease.GetNamespace()] = timer
	o.mu.Unlock()
	if old != nil {
		old.Stop()
		return
	}
	log.Error("KEDA's operator runs: until it stops, nothing is done for KEDA's objects", "lease", lease.GetNamespace()+"/"+operatorLease, "holder", holder)
}

// release records that a Lease is not held. If current is not nil, it must be true.
func (o *operator) release(namespace string, current func() bool, log *slog.Logger) {
	o.mu.Lock()
	timer := o.expiry[namespace]
	if timer == nil || current != nil && !current() {
		o.mu.Unlock()
		return
	}
	timer.Stop()
	delete(o.expiry, namespace)
	changed := o.known && len(o.expiry) == 0
	o.mu.Unlock()
	log.Info("KEDA's operator does not run", "lease", namespace+"/"+operatorLease)
	if changed {
		o.changed()
	}
}

// failureLog logs each new reason why a resource cannot be read.
type failureLog struct {
	log      *slog.Logger
	resource string
	last     string
}

// report logs an error. An expired watch is no failure.
func (f *failureLog) report(err error) {
	text := "it cannot be read"
	switch {
	case err == nil, apierrors.IsResourceExpired(err), apierrors.IsGone(err):
		return
	case apierrors.IsNotFound(err):
		text = "the cluster does not have it; are the CustomResourceDefinitions installed?"
	case apierrors.IsForbidden(err):
		text = "reading it is forbidden; deploy/manifests/keda.yaml has the necessary permissions"
	}
	if f.last != text {
		f.last = text
		f.log.Error("KEDA's objects cannot be scaled yet", "resource", f.resource, "reason", text, "error", err)
	}
}
