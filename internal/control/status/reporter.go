package status

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/kube/writes"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/printable"
)

const (
	// minInterval is the minimum time between two writes of the status of one object.
	minInterval = time.Second
	// writers bounds the concurrent status writes, and writersOfNamespace those of one namespace.
	writers            = 8
	writersOfNamespace = 4
	// longestRetry bounds the time between two attempts to write a status, which is minInterval at first and doubles with each failure.
	longestRetry = time.Minute
	// saveTimeout bounds one status write.
	saveTimeout = 10 * time.Second
	// lastSaves bounds all status writes after the autoscalers have ended, those in flight included: the next leader waits for them, because the
	// Lease is released afterwards. It reports what is missing, because it compares its first outcome of an object with the status that is
	// stored (resume). Only the memory and the history since that status are lost, as after a crash.
	lastSaves = 500 * time.Millisecond
)

// Store stores the status of objects.
type Store interface {
	// Save replaces the status. It returns ErrGone if the object no longer exists.
	Save(ctx context.Context, o Object, status *v1alpha1.ScaledObjectStatus) error
}

// Recorder records Kubernetes Events about objects.
type Recorder interface {
	Event(o Object, warning bool, reason, note string)
}

// Object identifies a ScaledObject.
type Object struct {
	Namespace, Name string
	UID             string
}

func (o Object) key() string { return o.Namespace + "/" + o.Name }

// namespaceIn returns the namespace in a key.
func namespaceIn(key string) string {
	name, _, _ := strings.Cut(key, "/")
	return name
}

// Reporter reports the outcomes of all autoscalers. It implements autoscaler.Reporter.
type Reporter struct {
	store    Store
	recorder Recorder
	metrics  *Metrics
	log      *slog.Logger
	// notifier may be nil. begin may be nil, too: then no write waits.
	notifier Notifier
	begin    func(ctx context.Context, namespace string) (end func(error))
	queue    *writes.Queue[string]
	observer Observer

	mu      sync.Mutex
	objects map[string]*object
}

// object is the reported state of one object.
type object struct {
	Object
	// lastReported is the outcome in the pending or written status, and reportedCounts the recommendations in its memory.
	lastReported   outcome
	reportedCounts recommended
	// limit is the rule that limits the count, and texts are the errors. memoryVaries is true while recommendations change but the decision
	// does not.
	limit        limit
	texts        errorTexts
	memoryVaries bool
	// pending is the status to write; nil if the newest one is written. postponed is written once what varies in it has settled.
	pending   *v1alpha1.ScaledObjectStatus
	postponed *draft
	// conditions and lastScale are carried over from one status to the next. problems has the reason of each reported problem.
	conditions conditions
	lastScale  *time.Time
	written    time.Time
	problems   map[string]string
	history    history
	// latest is the newest status, written or not. shadow and shadowReported are its part about the shadow policy, and shadowLimit
	// is the rule that limits that policy.
	latest         *v1alpha1.ScaledObjectStatus
	shadow         *v1alpha1.ShadowStatus
	shadowReported summary
	shadowLimit    limit
	// receives is true if a trigger receives messages of senders.
	receives bool
	// refusal is the reason for which the newest version of the object is not in effect.
	refusal refusal
	// stored is the status that the object had at the start, until the first new one.
	stored *v1alpha1.ScaledObjectStatus
	// interimSince is when the first outcome since the start was not reported, because it lacked something.
	interimSince time.Time
	origin       origin
	// running is its autoscaler, for the metrics; nil while it has none. errors counts the failed readings of each trigger that had some.
	running Inspected
	errors  map[string]uint64
	// notified is the state that the newest notifications describe, and labels are the labels of the object.
	notified notified
	labels   map[string]string
}

// refusal is the reason and message of a condition, and the generation that was refused; the zero value means none.
type refusal struct {
	reason, message string
	generation      int64
}

// New returns a Reporter, whose statuses are written by Run.
func New(store Store, recorder Recorder, metrics *Metrics, log *slog.Logger) *Reporter {
	queue := writes.NewQueue(writes.QueueOptions[string]{
		Namespace: namespaceIn, Writers: writers, OfNamespace: writersOfNamespace, FirstRetry: minInterval, LongestRetry: longestRetry,
	})
	return &Reporter{store: store, recorder: recorder, metrics: metrics, log: log, objects: map[string]*object{}, queue: queue}
}

// Run writes statuses until ctx is done, and then the pending ones. Each write takes saveTimeout at most, and the last ones lastSaves together.
func (r *Reporter) Run(ctx context.Context) {
	saving, stopSaving := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSaving()
	var all sync.WaitGroup
	all.Go(func() { r.queue.Run(func(key string) error { return r.save(ctx, saving, key) }) })
	<-ctx.Done()
	defer time.AfterFunc(lastSaves, stopSaving).Stop()
	r.mu.Lock()
	for key, o := range r.objects {
		if o.pending != nil {
			r.queue.Add(key)
		}
	}
	r.mu.Unlock()
	r.queue.ShutDownWithDrain()
	all.Wait()
	r.queue.ShutDown() // This ends the goroutine of delayed keys.
	r.logUnwritten()
}

// logUnwritten logs how many statuses the next leader has to report.
func (r *Reporter) logUnwritten() {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, o := range r.objects {
		if o.pending != nil {
			n++
		}
	}
	if n > 0 {
		r.log.Info("some statuses were not written before this process stopped leading: the next leader reports them", "statuses", n)
	}
}

// Resume continues from the status of an object, so that nothing is written if nothing has changed.
func (r *Reporter) Resume(w *compile.Workload, status *v1alpha1.ScaledObjectStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.object(Object{w.Namespace, w.Name, string(w.UID)})
	o.receives, o.labels = receives(w), w.Labels
	o.load(status)
	r.showStatus(o, status)
}

// load copies the state from a status.
func (o *object) load(status *v1alpha1.ScaledObjectStatus) {
	o.conditions = conditions{list: status.Conditions}
	if status.LastScaleTime != nil {
		o.lastScale = &status.LastScaleTime.Time
	}
	o.history = historyOf(status)
	o.origin = originOf(status)
	o.stored = status
	o.notified = notifiedIn(status, &notified{})
}

// Forget removes a deleted object.
func (r *Reporter) Forget(namespace, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := namespace + "/" + name
	if o := r.objects[key]; o != nil {
		o.origin.endWait(ErrGone)
	}
	delete(r.objects, key)
}

// object returns the state of an object. The caller must hold r.mu.
func (r *Reporter) object(of Object) *object {
	o := r.objects[of.key()]
	if o == nil || o.UID != of.UID {
		o = &object{Object: of}
		r.objects[of.key()] = o
	}
	return o
}

// known returns the state of the object of a workload; nil if the object was deleted or replaced. The caller must hold r.mu.
func (r *Reporter) known(w *compile.Workload) *object {
	o := r.objects[w.Key()]
	if o == nil || o.UID != string(w.UID) {
		return nil
	}
	return o
}

// Decided implements autoscaler.Reporter. While a write is in flight, it neither changes conditions nor writes the status: another
// outcome follows. The last write to the target of a deleted object is only counted and logged.
func (r *Reporter) Decided(p *autoscaler.Outcome) {
	r.metrics.observe(p)
	var changes []conditionChange
	r.mu.Lock()
	o := r.known(p.Workload)
	if o == nil {
		r.mu.Unlock()
		r.logChanges(p, nil)
		return
	}
	o.countErrors(p)
	if p.Workload.Shadow == nil {
		o.shadow, o.shadowReported = nil, summary{}
	}
	if p.Write != nil && (p.Write.Err == nil || p.Write.Stored != p.Write.From) {
		at := p.At.Time()
		o.lastScale = &at
	}
	o.origin.observe(p)
	o.labels = p.Workload.Labels
	r.notifyWrite(o, p)
	writes, interim := false, r.isInterim(o, p)
	if !p.Writing && o.reportable(p) && !interim {
		changes, writes = r.report(o, p)
	}
	news := !interim && o.history.add(p, writes)
	o.history.markWritten(p)
	if writes {
		r.commit(o, o.draft(p))
		r.schedule(o)
	}
	r.mu.Unlock()
	if news && p.Workload.DryRun && p.Decision.Replicas != p.From {
		r.log.Info("would scale", "namespace", p.Workload.Namespace, "object", p.Workload.Name, "target", p.Workload.Target.String(),
			"from", p.From, "to", p.Decision.Replicas, "why", whyOf(p, p.Workload.Policy, p.Decision, p.From))
	}
	r.logChanges(p, changes)
}

// reportable reports whether there is an outcome to report: after a start, there is none until the first decision, or until an error
// prevents that decision.
func (o *object) reportable(p *autoscaler.Outcome) bool {
	return p.Decided || p.Target.Err != nil || o.lastReported != outcome{}
}

// Refused reports that the newest version of an object is not in effect, because it is invalid or its target is in use. older is true if
// an older version is in effect instead. The status of so only counts if the object is not known yet.
func (r *Reporter) Refused(so *v1alpha1.ScaledObject, reason, message string, older bool) {
	of := Object{so.Namespace, so.Name, string(so.UID)}
	r.mu.Lock()
	o := r.object(of)
	o.refusal, o.labels = refusal{reason, message, so.Generation}, so.Labels
	if o.newest() == nil {
		o.load(&so.Status)
	}
	if o.lastReported != (outcome{}) {
		o.lastReported.refused = o.refusal
	}
	before := o.newest()
	status := before.DeepCopy()
	status.ObservedGeneration, status.Reason = so.Generation, reason
	status.Reference = compile.TargetOf(so).String()
	status.OriginalReplicaCount = o.origin.of(status.Reference)
	o.conditions.setRefused(reason, message, so.Generation, older)
	status.Conditions = o.conditions.list
	r.notifyRefused(o, status.Reference)
	r.showStatus(o, status)
	news := !sameOutcome(status, before)
	if news {
		o.setPending(status)
		r.schedule(o)
	}
	if o.stored != nil {
		o.stored = status
	} else {
		o.latest = status
	}
	r.mu.Unlock()
	if news {
		r.recorder.Event(of, true, reason, shorten(message))
		r.log.Warn("object refused", "namespace", so.Namespace, "object", so.Name, "reason", reason, "error", message)
	}
}

// Accepted reports that the newest version of an object is in effect from now on.
func (r *Reporter) Accepted(w *compile.Workload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.object(Object{w.Namespace, w.Name, string(w.UID)})
	o.refusal, o.receives = refusal{}, receives(w)
	o.forgetErrors(w)
}

// schedule queues the status of an object, minInterval after the last write. The caller must hold r.mu.
func (r *Reporter) schedule(o *object) {
	key := o.key()
	if wait := minInterval - time.Since(o.written); wait > 0 {
		r.queue.AddAfter(key, wait)
		return
	}
	r.queue.Add(key)
}

// logChanges writes the log lines and Events of an outcome. The key of a log line is why, as in all lines with the note of an Event: the note
// may say that a problem has ended.
func (r *Reporter) logChanges(p *autoscaler.Outcome, changes []conditionChange) {
	w := p.Workload
	object := Object{w.Namespace, w.Name, string(w.UID)}
	for _, c := range changes {
		r.recorder.Event(object, c.warning, c.reason, printable.Line(c.note, printable.Longest))
		level := slog.LevelInfo
		if c.warning {
			level = slog.LevelWarn
		}
		r.log.Log(context.Background(), level, "condition changed",
			"namespace", w.Namespace, "object", w.Name, "reason", c.reason, "why", c.note)
	}
	if p.Write != nil {
		r.logWrite(p, object)
	}
}

// logWrite writes the log line and the Event of a write that changed the count. If admission changed the count, the condition has an
// Event instead.
func (r *Reporter) logWrite(p *autoscaler.Outcome, object Object) {
	w, wrote := p.Workload, p.Write
	if wrote.Err != nil && wrote.Stored == wrote.From {
		return
	}
	why := whyOf(p, wrote.Policy, wrote.Decision, wrote.From)
	attributes := []any{"namespace", w.Namespace, "object", w.Name, "target", w.Target.String(), "from", wrote.From, "to", wrote.Stored, "why", why}
	if wrote.Err != nil {
		attributes = append(attributes, "requested", wrote.To, "error", wrote.Err)
	}
	if wrote.Latency >= 0 {
		attributes = append(attributes, "latencyMs", float64(wrote.Latency.Microseconds())/1000)
	}
	r.log.Info("scaled", attributes...)
	if wrote.Err == nil {
		r.recorder.Event(object, false, v1alpha1.ReasonScaled, scaledNote(p, why))
	}
}
