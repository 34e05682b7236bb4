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
	log     *slog.Logger

	mu    sync.Mutex
	known bool
	// held has the Leases that are held, by their namespaces.
	held map[string]held
	// renewed has room for one notification that held has changed.
	renewed chan struct{}
}

// held is a version of a Lease and when it expires without a later one.
type held struct {
	lease  *unstructured.Unstructured
	expiry time.Time
}

func newOperator(changed func(), log *slog.Logger) *operator {
	return &operator{changed: changed, log: log, held: map[string]held{}, renewed: make(chan struct{}, 1)}
}

// mayRun reports whether KEDA's operator runs, or whether that is unknown.
func (o *operator) mayRun() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.known || len(o.held) > 0
}

// run follows the Leases until ctx is done.
func (o *operator) run(ctx context.Context, client dynamic.Interface) {
	leases := client.Resource(schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"})
	informer := cache.NewSharedIndexInformer(listWatchOf(leases, "metadata.name="+operatorLease), &unstructured.Unstructured{}, 0, cache.Indexers{})
	failure := failureLog{log: o.log, resource: "the lease " + operatorLease}
	set := func(object any) {
		if lease, ok := object.(*unstructured.Unstructured); ok {
			o.observe(lease)
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
				o.release(lease.GetNamespace(), nil)
			}
		},
	})
	var all sync.WaitGroup
	all.Go(func() { informer.RunWithContext(ctx) })
	all.Go(func() {
		o.expire(ctx, func(ctx context.Context, namespace string) (*unstructured.Unstructured, error) {
			return leases.Namespace(namespace).Get(ctx, operatorLease, metav1.GetOptions{})
		})
	})
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
}

// observe applies a version of a Lease: one that is held expires unless the next version comes in time.
func (o *operator) observe(lease *unstructured.Unstructured) {
	if !mayBeHeld(lease) {
		o.release(lease.GetNamespace(), nil)
		return
	}
	if o.hold(lease, nil) {
		o.log.Error("KEDA's operator runs: until it stops, nothing is done for KEDA's objects", "lease", lease.GetNamespace()+"/"+operatorLease,
			"holder", holderOf(lease))
	}
}

// hold records that a Lease is held for its duration from now on, and reports whether none was held in this namespace. If before is not nil,
// it does so only if that is the present version.
func (o *operator) hold(lease, before *unstructured.Unstructured) (first bool) {
	namespace := lease.GetNamespace()
	o.mu.Lock()
	defer o.mu.Unlock()
	old, ok := o.held[namespace]
	if before != nil && old.lease != before {
		return false
	}
	o.held[namespace] = held{lease: lease, expiry: time.Now().Add(durationOf(lease))}
	select {
	case o.renewed <- struct{}{}:
	default:
	}
	return !ok
}

// release records that the Lease of a namespace is not held. If before is not nil, it does so only if that is the present version.
func (o *operator) release(namespace string, before *unstructured.Unstructured) {
	o.mu.Lock()
	old, ok := o.held[namespace]
	if !ok || before != nil && old.lease != before {
		o.mu.Unlock()
		return
	}
	delete(o.held, namespace)
	changed := o.known && len(o.held) == 0
	o.mu.Unlock()
	o.log.Info("KEDA's operator does not run", "lease", namespace+"/"+operatorLease)
	if changed {
		o.changed()
	}
}

// expire releases the Leases that are not renewed in time, until ctx is done. The watch may have failed: a Lease is released only if the
// API server has no later version.
func (o *operator) expire(ctx context.Context, read func(ctx context.Context, namespace string) (*unstructured.Unstructured, error)) {
	for {
		lease, wait := o.nextExpiry()
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-o.renewed:
			timer.Stop()
			continue
		case <-timer.C:
		}
		if lease == nil {
			continue
		}
		attempt, cancel := context.WithTimeout(ctx, defaultLease)
		latest, err := read(attempt, lease.GetNamespace())
		cancel()
		switch {
		case apierrors.IsNotFound(err):
			o.release(lease.GetNamespace(), lease)
		case err != nil:
			o.log.Warn("KEDA's Lease has expired, and cannot be read: its operator may still run", "lease", lease.GetNamespace()+"/"+operatorLease, "error", err)
			o.hold(lease, lease)
		case latest.GetResourceVersion() != lease.GetResourceVersion() && mayBeHeld(latest):
			o.hold(latest, lease)
		default:
			o.release(lease.GetNamespace(), lease)
		}
	}
}

// nextExpiry returns the Lease that expires first, and the time until then; nil if none is held.
func (o *operator) nextExpiry() (*unstructured.Unstructured, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var first held
	for _, h := range o.held {
		if first.lease == nil || h.expiry.Before(first.expiry) {
			first = h
		}
	}
	if first.lease == nil {
		return nil, time.Hour
	}
	return first.lease, time.Until(first.expiry)
}

// holderOf returns the holder of a Lease; "" for none.
func holderOf(lease *unstructured.Unstructured) string {
	holder, _, _ := unstructured.NestedString(lease.Object, "spec", "holderIdentity")
	return holder
}

// durationOf returns the time for which a version of a Lease is valid.
func durationOf(lease *unstructured.Unstructured) time.Duration {
	seconds, _, _ := unstructured.NestedInt64(lease.Object, "spec", "leaseDurationSeconds")
	if seconds <= 0 {
		return defaultLease
	}
	return time.Duration(seconds) * time.Second
}

// mayBeHeld reports whether a Lease has a holder and has not certainly expired.
func mayBeHeld(lease *unstructured.Unstructured) bool {
	renewed, _, _ := unstructured.NestedString(lease.Object, "spec", "renewTime")
	at, err := time.Parse(metav1.RFC3339Micro, renewed)
	return holderOf(lease) != "" && (err != nil || time.Since(at) <= longDead*durationOf(lease))
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
