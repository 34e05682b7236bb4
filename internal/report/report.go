// Package report is the only place where a decision becomes words: status, Kubernetes Events, metrics and one log line for
// each change of replicas. It writes only on change, and never in the way of a write to a target.
package report

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/pipeline"
	"github.com/impulse-sh/impulse/internal/workload"
)

const (
	// statusEvery is the least time between two writes of one object's status.
	statusEvery = time.Second
	// writers bounds the status writes under way.
	writers = 8
	// saveTimeout bounds one of them.
	saveTimeout = 10 * time.Second
)

// Store keeps the status of an object, and what is remembered of it.
type Store interface {
	// Save replaces the status. ErrGone means that there is no such object any more.
	Save(ctx context.Context, namespace, name string, status *v1alpha1.ScaledObjectStatus) error
}

// Recorder makes Kubernetes Events of an object.
type Recorder interface {
	Event(o Object, warning bool, reason, note string)
}

// Object names what an Event is about.
type Object struct {
	Namespace, Name string
	UID             string
}

// Reporter is a pipeline.Reporter for all workloads.
type Reporter struct {
	store    Store
	recorder Recorder
	metrics  *Metrics
	log      *slog.Logger
	queue    workqueue.TypedRateLimitingInterface[string]

	mu      sync.Mutex
	objects map[string]*object
}

// object is what is reported of one object.
type object struct {
	namespace, name string
	// said is the outcome that the pending or written status says.
	said outcome
	// pending is the status to write; nil when the newest is written.
	pending *v1alpha1.ScaledObjectStatus
	// conditions and lastScale carry over from one status to the next.
	conditions conditions
	lastScale  *time.Time
	written    time.Time
	gone       bool
	troubles   map[string]string
}

// New returns a Reporter; Run writes what it is told.
func New(store Store, recorder Recorder, metrics *Metrics, log *slog.Logger) *Reporter {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[string](time.Second, time.Minute)
	return &Reporter{
		store: store, recorder: recorder, metrics: metrics, log: log, objects: map[string]*object{},
		queue: workqueue.NewTypedRateLimitingQueue[string](limiter),
	}
}

// Run writes statuses until ctx is done, and then those that are still to be written, for at most saveTimeout.
func (r *Reporter) Run(ctx context.Context) {
	var all sync.WaitGroup
	for range writers {
		all.Go(func() { r.work(context.WithoutCancel(ctx)) })
	}
	<-ctx.Done()
	r.mu.Lock()
	for key, o := range r.objects {
		if o.pending != nil {
			r.queue.Add(key)
		}
	}
	r.mu.Unlock()
	r.queue.ShutDownWithDrain()
	all.Wait()
}

// Begin takes up what an object's status said before, so that nothing is written when nothing changed.
func (r *Reporter) Begin(w *workload.Workload, status *v1alpha1.ScaledObjectStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.object(w.Namespace, w.Name)
	o.conditions = conditions{at: status.Conditions}
	if status.LastScaleTime != nil {
		o.lastScale = &status.LastScaleTime.Time
	}
	o.gone = false
}

// Forget drops an object that was deleted.
func (r *Reporter) Forget(namespace, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.objects, namespace+"/"+name)
	r.metrics.forget(namespace, name)
}

// object returns the entry of an object; r.mu is held.
func (r *Reporter) object(namespace, name string) *object {
	key := namespace + "/" + name
	o := r.objects[key]
	if o == nil {
		o = &object{namespace: namespace, name: name, troubles: map[string]string{}}
		r.objects[key] = o
	}
	return o
}

// Decided reports one moment of a workload.
func (r *Reporter) Decided(p *pipeline.Outcome) {
	r.metrics.observe(p)
	now := outcomeOf(p)
	r.mu.Lock()
	o := r.object(p.Workload.Namespace, p.Workload.Name)
	if p.Write != nil && p.Write.Err == nil {
		at := p.At.Time()
		o.lastScale = &at
	}
	changed := now != o.said
	var troubles []trouble
	if changed {
		o.said = now
		o.pending = statusOf(p, o)
		troubles = o.compare(p)
		r.schedule(o)
	}
	r.mu.Unlock()
	r.tell(p, troubles)
}

// Refused reports an object that has no pipeline: its spec is wrong, or its target is another's.
func (r *Reporter) Refused(so *v1alpha1.ScaledObject, reason, message string) {
	said := outcome{refused: reason + message, generation: so.Generation}
	r.mu.Lock()
	o := r.object(so.Namespace, so.Name)
	if o.said == said {
		r.mu.Unlock()
		return
	}
	o.said = said
	status := so.Status.DeepCopy()
	o.conditions = conditions{at: status.Conditions}
	status.ObservedGeneration, status.Reason = so.Generation, reason
	status.Reference = so.Spec.ScaleTargetRef.Kind + "/" + so.Spec.ScaleTargetRef.Name
	o.conditions.set(v1alpha1.ConditionReady, false, reason, message, so.Generation)
	status.Conditions = o.conditions.at
	o.pending = status
	r.schedule(o)
	r.mu.Unlock()
	r.recorder.Event(Object{so.Namespace, so.Name, string(so.UID)}, true, reason, message)
}

// schedule queues an object's status, at most once a second; r.mu is held.
func (r *Reporter) schedule(o *object) {
	key := o.namespace + "/" + o.name
	if wait := statusEvery - time.Since(o.written); wait > 0 {
		r.queue.AddAfter(key, wait)
		return
	}
	r.queue.Add(key)
}

// tell logs and records what happened.
func (r *Reporter) tell(p *pipeline.Outcome, troubles []trouble) {
	w := p.Workload
	about := Object{w.Namespace, w.Name, string(w.UID)}
	for _, t := range troubles {
		r.recorder.Event(about, t.warning, t.reason, t.note)
		level := slog.LevelInfo
		if t.warning {
			level = slog.LevelWarn
		}
		r.log.Log(context.Background(), level, "condition changed",
			"namespace", w.Namespace, "object", w.Name, "reason", t.reason, "why", t.note)
	}
	if p.Write == nil || p.Write.Err != nil {
		return
	}
	why := w.Policy.Why(p.Decision)
	attributes := []any{"namespace", w.Namespace, "object", w.Name, "target", w.Target.String(), "from", p.Write.From, "to", p.Write.To, "why", why}
	if p.Write.Latency >= 0 {
		attributes = append(attributes, "latencyMs", float64(p.Write.Latency.Microseconds())/1000)
	}
	r.log.Info("scaled", attributes...)
	r.recorder.Event(about, false, "Scaled", scaledNote(p, why))
}
