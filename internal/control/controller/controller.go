package controller

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/credentials"
	"github.com/impulse-sh/impulse/internal/control/live"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/kube/writes"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Options configure a Controller. All but Secrets, Live, Finalizers, Tracer, Panicked and AwaitAlerts are required.
type Options struct {
	Kinds []triggers.Kind
	// Settings apply to all workloads.
	Settings compile.Settings
	// Env has what all triggers use. The fields about a single trigger are not set.
	Env triggers.Env
	// Secrets reads the credentials that triggers refer to; nil if there are none.
	Secrets  *credentials.Credentials
	Actuator autoscaler.Actuator
	Reporter *status.Reporter
	// Live shows the state of all objects to readers; nil: nobody reads.
	Live *live.View
	// MayWrite reports whether this process leads, and Leading returns a context that ends when it stops leading, or an error if it does not.
	MayWrite func() bool
	Leading  func(context.Context) (context.Context, context.CancelFunc, error)
	// Turns decides when counts are written. Nil writes each at once.
	Turns *writes.Turns
	// Finalizers keeps deleted objects until their targets are restored; nil for objects from files, which have no finalizers.
	Finalizers FinalizerStore
	// Tracer makes spans of decisions and writes; nil makes none.
	Tracer trace.Tracer
	// Panicked is called for each panic of a trigger that is not polled; nil ignores them.
	Panicked func(namespace, object, trigger string, p *triggers.PanicError)
	// AwaitAlerts returns when autoscalers may start, because the stored alerts are known or will not be soon, or when the context of Sync is
	// done. Nil: they may start at once.
	AwaitAlerts func()
}

// Controller owns the autoscalers. Its methods must be called from one goroutine at a time.
type Controller struct {
	options   Options
	entries   map[string]*entry
	claimants map[targetKey][]*entry
	// ending holds, by object, autoscalers that are stopping.
	ending map[string]*running
	// restoring holds, by target, the restorations that write original counts.
	restoring map[targetKey]*running
	all       sync.WaitGroup

	mu        sync.Mutex
	handovers map[string]Handover
}

// Handover has the memory of an autoscaler that has stopped, for the next one of the same object.
type Handover struct {
	UID    types.UID
	Memory scalers.Memory
}

// entry is one object and its state.
type entry struct {
	key string
	so  *v1alpha1.ScaledObject
	// lastGood is the newest valid version; nil if there was none.
	lastGood *compile.Workload
	claimed  targetKey
	// running is its autoscaler; nil while it has none.
	running *running
	// invalid lists the mistakes in the newest version; "" if it is valid.
	invalid string
	// refused is the reason and message of the refusal that was reported last; "" if the newest version is in effect.
	refused string
	// preWrite runs before each write to the target while the object has restoreToOriginalReplicaCount; otherwise it is nil.
	// finalizerSync is the newest goroutine that adds or removes the finalizer.
	preWrite      atomic.Pointer[preWriteHook]
	finalizerSync *finalizerSync
	// finalizing is true once the object is being deleted; restoring is then the goroutine that writes the original count.
	finalizing bool
	restoring  *running
}

// New returns a controller without objects. handovers has what the previous controller of this process left, if no other
// process has led since.
func New(o Options, handovers map[string]Handover) *Controller {
	c := &Controller{
		options: o, entries: map[string]*entry{}, claimants: map[targetKey][]*entry{}, ending: map[string]*running{}, handovers: handovers,
		restoring: map[targetKey]*running{},
	}
	if c.handovers == nil {
		c.handovers = map[string]Handover{}
	}
	return c
}

// Apply applies a new object, or a new version of one, with its defaults set. Everything that it starts ends when ctx is done.
func (c *Controller) Apply(ctx context.Context, so *v1alpha1.ScaledObject) {
	key := so.Namespace + "/" + so.Name
	e := c.entries[key]
	if e != nil && e.so.UID != so.UID {
		e.finalizing = true // Another object has its name: nothing is restored.
		c.Delete(ctx, key)
		e = nil
	}
	fresh := e == nil
	if fresh {
		e = &entry{key: key}
		c.entries[key] = e
		c.show(so)
	}
	before := e.so
	e.so = so
	defer func() { e.so = keptOf(so) }()
	if so.DeletionTimestamp != nil {
		c.finalize(ctx, e)
		return
	}
	c.syncFinalizer(ctx, e)
	if !fresh && before.Generation == so.Generation && so.Generation != 0 && maps.Equal(before.Annotations, so.Annotations) && maps.Equal(before.Labels, so.Labels) {
		return // Neither the spec nor the annotations nor the labels changed. Only a change of the spec changes the generation.
	}
	w, mistakes := compile.Compile(so, c.options.Kinds, c.options.Settings)
	if w != nil && fresh {
		c.options.Reporter.Resume(w, &so.Status)
	}
	e.invalid = sentence(mistakes)
	switch {
	case w == nil && e.running != nil:
		c.reportVersion(e)
	case w == nil:
		c.refuse(e, v1alpha1.ReasonInvalidSpec, e.invalid)
	default:
		e.lastGood = w
		c.claim(ctx, e, targetKeyOf(w.Target))
	}
}

// keptOf returns a copy of an object for the time after it was applied: without its triggers, which the compiled workload has, and with
// only those fields of its status that the controller reads.
func keptOf(so *v1alpha1.ScaledObject) *v1alpha1.ScaledObject {
	kept := *so
	kept.Spec.Triggers, kept.Spec.Shadow = nil, nil
	kept.Status = v1alpha1.ScaledObjectStatus{
		Reason: so.Status.Reason, Memory: so.Status.Memory, DesiredReplicas: so.Status.DesiredReplicas,
		Reference: so.Status.Reference, OriginalReplicaCount: so.Status.OriginalReplicaCount,
	}
	return &kept
}

// Delete removes an object. Its target keeps its count, unless the object has restoreToOriginalReplicaCount.
func (c *Controller) Delete(ctx context.Context, key string) {
	e := c.entries[key]
	if e == nil {
		return
	}
	delete(c.entries, key)
	switch {
	case e.restoring != nil:
		e.restoring.cancel() // The count is restored, or another client removed the finalizer to skip that.
	case compile.Restores(e.so):
		c.finalize(ctx, e)
	}
	c.stop(e)
	c.forget(key)
	c.options.Reporter.Forget(e.so.Namespace, e.so.Name)
	c.hide(e.so)
	c.release(ctx, e)
}

// Sync applies a complete list of objects, the oldest first, and deletes those that are not in it. It does so once autoscalers may start,
// and not at all if ctx is done by then.
func (c *Controller) Sync(ctx context.Context, all []*v1alpha1.ScaledObject) {
	if c.options.AwaitAlerts != nil {
		c.options.AwaitAlerts()
	}
	if ctx.Err() != nil {
		return
	}
	there := map[string]bool{}
	for _, so := range all {
		there[so.Namespace+"/"+so.Name] = true
	}
	for key := range c.entries {
		if !there[key] {
			c.Delete(ctx, key)
		}
	}
	slices.SortFunc(all, byAge)
	for _, so := range all {
		c.Apply(ctx, so)
	}
}

// Wait waits until everything that Apply, Sync and Delete started has ended, which requires that their contexts are done, and
// returns the handovers.
func (c *Controller) Wait() map[string]Handover {
	c.all.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.handovers
}

// remembered returns the memory of an object: from a handover in this process, or else from its status.
func (c *Controller) remembered(so *v1alpha1.ScaledObject) autoscaler.Past {
	c.mu.Lock()
	old, ok := c.handovers[so.Namespace+"/"+so.Name]
	c.mu.Unlock()
	if ok && old.UID == so.UID {
		return autoscaler.Past{Memory: old.Memory.Clone()}
	}
	var m scalers.Memory
	if so.Status.Memory == "" {
		return autoscaler.Past{}
	}
	if err := m.UnmarshalText([]byte(so.Status.Memory)); err != nil {
		// A lost memory is unknown, and unknown never lowers: the windows begin with the present count, and a trigger is assumed
		// to have just been active.
		return autoscaler.Past{Memory: scalers.Memory{LastActive: scalers.InstantOf(c.now())}}
	}
	return autoscaler.Past{Memory: m, Decided: so.Status.DesiredReplicas}
}

// forget removes the handover of a deleted object, and makes its autoscaler leave none.
func (c *Controller) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.handovers, key)
	if r := c.ending[key]; r != nil {
		r.forgotten = true
	}
}

// refuse reports, once, why the newest version of an object is not in effect.
func (c *Controller) refuse(e *entry, reason, message string) {
	if e.refused != reason+message {
		e.refused = reason + message
		c.options.Reporter.Refused(e.so, reason, message, e.running != nil)
	}
}

// sentence joins mistakes with semicolons.
func sentence(mistakes []diag.Error) string {
	all := make([]string, len(mistakes))
	for i, m := range mistakes {
		all[i] = m.Error()
	}
	return strings.Join(all, "; ")
}

// byAge sorts the oldest object first. Creation times have a resolution of one second: of two that are equal, the object whose
// target was in use before comes last, so that it is refused again.
func byAge(a, b *v1alpha1.ScaledObject) int {
	refused := func(so *v1alpha1.ScaledObject) int {
		if so.Status.Reason == v1alpha1.ReasonTargetInUse {
			return 1
		}
		return 0
	}
	return cmp.Or(
		a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(refused(a), refused(b)),
		strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name),
	)
}

// now returns the time by the clock that triggers and autoscalers use.
func (c *Controller) now() time.Time { return c.options.Env.Now() }
