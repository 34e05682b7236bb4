// Package status is the only place where a decision becomes words: status, Kubernetes Events, metrics and one log line for
// each change of replicas. It writes only on change, and never in the way of a write to a target.
package status

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/printable"
)

const (
	// minInterval is the least time between two writes of one object's status.
	minInterval = time.Second
	// writers bounds the status writes under way.
	writers = 8
	// saveTimeout bounds one of them.
	saveTimeout = 10 * time.Second
)

// Store keeps the status of an object, and what is remembered of it.
type Store interface {
	// Save replaces the status. ErrGone means that there is no such object any more.
	Save(ctx context.Context, o Object, status *v1alpha1.ScaledObjectStatus) error
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

func (o Object) key() string { return o.Namespace + "/" + o.Name }

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
	Object
	// lastReported is the outcome that the pending or written status reports, and kept the recommendations that it remembers.
	lastReported   outcome
	reportedCounts recommended
	// limit is the rule that limits. wavers is true while recommendations go up and down under the same decision.
	limit    limit
	wavering bool
	// pending is the status to write; nil when the newest is written. later is one that is written if what limits lasts.
	pending   *v1alpha1.ScaledObjectStatus
	postponed *draft
	// conditions and lastScale carry over from one status to the next.
	conditions conditions
	lastScale  *time.Time
	written    time.Time
	problems   map[string]string
	history    history
	// latest is the newest status, written or not; shadow and shadowSaid are what it says of the shadow policy, and shadowLimit
	// is the rule that limits that.
	latest         *v1alpha1.ScaledObjectStatus
	shadow         *v1alpha1.ShadowStatus
	shadowReported summary
	shadowLimit    limit
	// delivered: a trigger waits for what senders deliver.
	receives bool
	// refusal is why the newest version of the object is not followed.
	refusal refusal
	// stored is the status as of the start, until the first one of ours.
	stored *v1alpha1.ScaledObjectStatus
	origin origin
}

// refusal is a reason for machines and one for people; the zero value is none.
type refusal struct{ reason, message string }

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
	r.queue.ShutDown() // The goroutine of its delays.
}

// Resume takes up what an object's status said before, so that nothing is written when nothing changed.
func (r *Reporter) Resume(w *compile.Workload, status *v1alpha1.ScaledObjectStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.object(Object{w.Namespace, w.Name, string(w.UID)})
	o.receives = receives(w)
	o.load(status)
}

// load carries over what a status said.
func (o *object) load(status *v1alpha1.ScaledObjectStatus) {
	o.conditions = conditions{at: slices.Clone(status.Conditions)}
	if status.LastScaleTime != nil {
		o.lastScale = &status.LastScaleTime.Time
	}
	o.history = historyOf(status)
	o.origin = originOf(status)
	o.stored = status
}

// Forget drops an object that was deleted.
func (r *Reporter) Forget(namespace, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.objects, namespace+"/"+name)
	r.metrics.forget(namespace, name)
}

// object returns the entry of an object; r.mu is held.
func (r *Reporter) object(of Object) *object {
	o := r.objects[of.key()]
	if o == nil || o.UID != of.UID {
		o = &object{Object: of, problems: map[string]string{}}
		r.objects[of.key()] = o
	}
	return o
}

// Decided reports one moment of a workload. While a write is under way there is more to come, and nothing is said yet.
func (r *Reporter) Decided(p *autoscaler.Outcome) {
	r.metrics.observe(p)
	var troubles []conditionChange
	r.mu.Lock()
	o := r.object(Object{p.Workload.Namespace, p.Workload.Name, string(p.Workload.UID)})
	if p.Workload.Shadow == nil {
		o.shadow, o.shadowReported = nil, summary{}
	}
	if p.Write != nil && (p.Write.Err == nil || p.Write.Stored != p.Write.From) {
		at := p.At.Time()
		o.lastScale = &at
	}
	o.origin.observe(p)
	writes := false
	if !p.Writing && o.reportable(p) {
		troubles, writes = r.report(o, p)
	}
	news := o.history.add(p, writes)
	o.history.markWritten(p)
	if writes {
		o.commit(o.draft(p))
		r.schedule(o)
	}
	r.mu.Unlock()
	if news && p.Workload.DryRun && p.Decision.Replicas != p.From {
		r.log.Info("would scale", "namespace", p.Workload.Namespace, "object", p.Workload.Name, "target", p.Workload.Target.String(),
			"from", p.From, "to", p.Decision.Replicas, "why", whyOf(p, p.Workload.Policy, p.Decision, p.From))
	}
	r.logChanges(p, troubles)
}

// reportable reports whether there is something to say: at a start, nothing is said before the first decision or the reason
// why there is none.
func (o *object) reportable(p *autoscaler.Outcome) bool {
	return p.Decided || p.Target.Err != nil || o.lastReported != outcome{}
}

// Refused reports that the newest version of an object is not followed: its spec is wrong, or its target is another's. older: an
// older version is followed instead.
func (r *Reporter) Refused(so *v1alpha1.ScaledObject, reason, message string, older bool) {
	of := Object{so.Namespace, so.Name, string(so.UID)}
	r.mu.Lock()
	o := r.object(of)
	o.refusal = refusal{reason, message}
	if o.lastReported == (outcome{}) {
		o.load(&so.Status)
	} else {
		o.lastReported.refused = o.refusal
	}
	status := so.Status.DeepCopy()
	if o.pending != nil {
		status = o.pending.DeepCopy()
	}
	status.ObservedGeneration, status.Reason = so.Generation, reason
	status.Reference = compile.TargetOf(so).String()
	status.OriginalReplicaCount = o.origin.of(status.Reference)
	o.conditions.setRefused(reason, message, so.Generation, older)
	status.Conditions = slices.Clone(o.conditions.at)
	news := !sameOutcome(status, &so.Status)
	if news {
		o.setPending(status)
		r.schedule(o)
	}
	if o.stored != nil {
		o.stored = status
	}
	r.mu.Unlock()
	if news {
		r.recorder.Event(of, true, reason, shorten(message))
		r.log.Warn("object refused", "namespace", so.Namespace, "object", so.Name, "reason", reason, "why", message)
	}
}

// Accepted reports that the newest version of an object is followed from now on.
func (r *Reporter) Accepted(w *compile.Workload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.object(Object{w.Namespace, w.Name, string(w.UID)})
	o.refusal, o.receives = refusal{}, receives(w)
}

// schedule queues an object's status, at most once a second; r.mu is held.
func (r *Reporter) schedule(o *object) {
	key := o.key()
	if wait := minInterval - time.Since(o.written); wait > 0 {
		r.queue.AddAfter(key, wait)
		return
	}
	r.queue.Add(key)
}

// logChanges logs and records what happened.
func (r *Reporter) logChanges(p *autoscaler.Outcome, troubles []conditionChange) {
	w := p.Workload
	about := Object{w.Namespace, w.Name, string(w.UID)}
	for _, t := range troubles {
		r.recorder.Event(about, t.warning, t.reason, printable.Line(t.note, printable.Longest))
		level := slog.LevelInfo
		if t.warning {
			level = slog.LevelWarn
		}
		r.log.Log(context.Background(), level, "condition changed",
			"namespace", w.Namespace, "object", w.Name, "reason", t.reason, "why", t.note)
	}
	if p.Write != nil {
		r.logWrite(p, about)
	}
}

// logWrite logs and records a write that changed the count. Of one that admission changed, the condition tells.
func (r *Reporter) logWrite(p *autoscaler.Outcome, about Object) {
	w, wrote := p.Workload, p.Write
	if wrote.Err != nil && wrote.Stored == wrote.From {
		return
	}
	why := whyOf(p, wrote.Policy, wrote.Decision, wrote.From)
	attributes := []any{"namespace", w.Namespace, "object", w.Name, "target", w.Target.String(), "from", wrote.From, "to", wrote.Stored, "why", why}
	if wrote.Err != nil {
		attributes = append(attributes, "asked", wrote.To, "error", wrote.Err)
	}
	if wrote.Latency >= 0 {
		attributes = append(attributes, "latencyMs", float64(wrote.Latency.Microseconds())/1000)
	}
	r.log.Info("scaled", attributes...)
	if wrote.Err == nil {
		r.recorder.Event(about, false, v1alpha1.ReasonScaled, scaledNote(p, why))
	}
}
