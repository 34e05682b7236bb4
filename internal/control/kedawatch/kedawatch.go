package kedawatch

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"

	"github.com/impulse-sh/impulse/internal/kube/events"
	"github.com/impulse-sh/impulse/internal/kube/watch"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// Manager is the field manager of what is written.
	Manager = "impulse-watch-keda"
	// kedaGroup and ourGroup are the groups of the originals and of the objects that are kept for them.
	kedaGroup, ourGroup = "keda.sh", "impulse.sh"
	version             = "v1alpha1"
	// workers is the number of objects that are written at the same time.
	workers = 4
	// writeTimeout bounds one write.
	writeTimeout = 10 * time.Second
	// minRetry is the pause after the first failed write of an object. It doubles with each failure, up to maxRetry.
	minRetry, maxRetry = 200 * time.Millisecond, 30 * time.Second
)

// scaledObject is the kind of what is scaled. The other kinds are authentications.
const scaledObject = "ScaledObject"

// resources are the resources of the kinds, which have the same names in both groups.
var resources = map[string]string{
	scaledObject: "scaledobjects", "TriggerAuthentication": "triggerauthentications", "ClusterTriggerAuthentication": "clustertriggerauthentications",
}

// Options configure a Watcher. All but Namespace are required.
type Options struct {
	// Namespace restricts the watch to one namespace; "" means all.
	Namespace string
	Kinds     []triggers.Kind
	Settings  compile.Settings
	// WhileLeading calls a write within the time for which this process leads.
	WhileLeading func(ctx context.Context, write func(context.Context) error) error
	Events       *events.Recorder
	Log          *slog.Logger
}

// Watcher keeps an object of Impulse for each of KEDA's.
type Watcher struct {
	options Options
	client  dynamic.Interface
}

// New returns a Watcher. It does no I/O.
func New(config *rest.Config, o Options) (*Watcher, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("set up the client of KEDA's objects: %w", err)
	}
	return &Watcher{options: o, client: client}, nil
}

// Run keeps the objects up to date until ctx is done.
func (w *Watcher) Run(ctx context.Context) {
	r := &run{
		Watcher: w, events: recorder{w.options.Events}, originals: map[string]cache.Store{}, kept: map[string]cache.Store{},
		reported: map[key]string{}, noted: map[key]string{},
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[key](minRetry, maxRetry)),
	}
	r.operator = newOperator(r.enqueueAll, w.options.Log)
	var all sync.WaitGroup
	synced := r.watch(ctx, &all)
	all.Go(func() { r.operator.run(ctx, w.client) })
	if cache.WaitForCacheSync(ctx.Done(), synced...) {
		r.mu.Lock()
		r.listed = true
		r.mu.Unlock()
		r.enqueueAll()
		for range workers {
			all.Go(func() { r.work(ctx) })
		}
	}
	<-ctx.Done()
	r.queue.ShutDown()
	all.Wait()
}

// key names an object: the kind is the same in both groups.
type key struct{ kind, namespace, name string }

// String returns the key as in a log.
func (k key) String() string { return k.kind + " " + k.storeKey() }

// storeKey returns the key of the object in a store.
func (k key) storeKey() string {
	if k.namespace == "" {
		return k.name
	}
	return k.namespace + "/" + k.name
}

// run is one call of Run.
type run struct {
	*Watcher

	events   recorder
	operator *operator
	queue    workqueue.TypedRateLimitingInterface[key]
	// originals and kept have KEDA's objects and Impulse's, by kind.
	originals, kept map[string]cache.Store

	mu sync.Mutex
	// listed means that all objects are known.
	listed bool
	// reported has the last refusal of each object, so that it is reported once.
	reported map[key]string
	// noted has the last conversion of each object whose notes were reported. An object may be converted again before the watch shows what was
	// applied.
	noted map[key]string
}

// watch starts to watch all kinds of both groups.
func (r *run) watch(ctx context.Context, all *sync.WaitGroup) []cache.InformerSynced {
	synced := make([]cache.InformerSynced, 0, 2*len(resources))
	for kind := range resources {
		for group, stores := range map[string]map[string]cache.Store{kedaGroup: r.originals, ourGroup: r.kept} {
			informer := r.informer(kind, group)
			stores[kind] = informer.GetStore()
			synced = append(synced, informer.HasSynced)
			all.Go(func() { informer.RunWithContext(ctx) })
		}
	}
	return synced
}

// informer returns an informer of one kind that enqueues what changes. An error that lasts is logged once.
func (r *run) informer(kind, group string) cache.SharedIndexInformer {
	client, resource := r.client.Resource(resourceOf(kind, group)), resources[kind]+"."+group
	namespace := r.options.Namespace
	if !namespaced(kind) {
		namespace = ""
	}
	informer := cache.NewSharedIndexInformer(listWatch(client.Namespace(namespace)), &unstructured.Unstructured{}, 0, cache.Indexers{})
	changed := func(object any) {
		if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = gone.Obj
		}
		if o, ok := object.(*unstructured.Unstructured); ok {
			r.queue.Add(key{kind, o.GetNamespace(), o.GetName()})
		}
	}
	failure := failureLog{log: r.options.Log, resource: resource}
	err := informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) { failure.report(err) })
	if err == nil {
		err = informer.SetTransform(trim)
	}
	if err == nil {
		_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: changed, UpdateFunc: func(_, after any) { changed(after) }, DeleteFunc: changed,
		})
	}
	if err != nil { // Only an informer that runs returns one.
		r.options.Log.Error("KEDA's objects cannot be watched", "resource", resource, "error", err)
	}
	return informer
}

// trim removes what is not read.
func trim(object any) (any, error) {
	if o, ok := object.(*unstructured.Unstructured); ok {
		o.SetManagedFields(nil)
		unstructured.RemoveNestedField(o.Object, "status", "memory")
		unstructured.RemoveNestedField(o.Object, "status", "history")
	}
	return object, nil
}

// enqueueAll enqueues every object of KEDA.
func (r *run) enqueueAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.listed {
		return
	}
	for kind, store := range r.originals {
		for _, object := range store.List() {
			if o, ok := object.(*unstructured.Unstructured); ok {
				r.queue.Add(key{kind, o.GetNamespace(), o.GetName()})
			}
		}
	}
}

// work reconciles objects until the queue is shut down.
func (r *run) work(ctx context.Context) {
	for {
		k, shutdown := r.queue.Get()
		if shutdown {
			return
		}
		if err := r.reconcile(ctx, k); err != nil && ctx.Err() == nil {
			r.options.Log.Warn("an object of KEDA cannot be reconciled; retrying", "object", k.String(), "error", err)
			r.queue.AddRateLimited(k)
		} else {
			r.queue.Forget(k)
		}
		r.queue.Done(k)
	}
}

// write calls a write while this process leads.
func (r *run) write(ctx context.Context, write func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return r.options.WhileLeading(ctx, write)
}

// find returns an object of a store; nil if there is none.
func find(store cache.Store, k key) *unstructured.Unstructured {
	object, _, _ := store.GetByKey(k.storeKey()) // A store in memory returns no error.
	o, _ := object.(*unstructured.Unstructured)
	return o
}

func namespaced(kind string) bool { return kind != "ClusterTriggerAuthentication" }

func resourceOf(kind, group string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: version, Resource: resources[kind]}
}

// of returns the client of an object in a group.
func (r *run) of(k key, group string) dynamic.ResourceInterface {
	client := r.client.Resource(resourceOf(k.kind, group))
	if k.namespace == "" {
		return client
	}
	return client.Namespace(k.namespace)
}

// listWatch lists and watches the objects of a client.
func listWatch(client dynamic.ResourceInterface) cache.ListerWatcher { return listWatchOf(client, "") }

// listWatchOf is listWatch for the objects that a field selector matches.
func listWatchOf(client dynamic.ResourceInterface, fields string) cache.ListerWatcher {
	return watch.Bounded(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (objects, error) {
			o.FieldSelector = fields
			return client.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (changes, error) {
			o.FieldSelector = fields
			return client.Watch(ctx, o)
		},
	}, watch.Observer{})
}
