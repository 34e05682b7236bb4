// Package controller turns ScaledObjects, from the API server or from files, into running pipelines: one for each object
// that is understood and whose target is its own.
//
// An object that changes keeps its pipeline when only its policy changed; otherwise the pipeline is replaced, and what it
// remembers is handed over. An edit that is not understood changes nothing: the last good version goes on, and the status
// says so.
package controller

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Options are what pipelines are made of.
type Options struct {
	Kinds []triggers.Kind
	// Settings are those of all workloads.
	Settings compile.Settings
	// Env is what every trigger may use; the fields about one trigger are filled in.
	Env triggers.Env
	// Secrets are the credentials that triggers refer to; nil when there are none.
	Secrets  *Credentials
	Actuator autoscaler.Actuator
	Reporter *status.Reporter
	MayWrite func() bool
	// Finalizers keeps deleted objects until their targets are restored; nil where nothing can, as with files.
	Finalizers FinalizerStore
}

// Controller owns the pipelines. Its methods may be called from one goroutine at a time.
type Controller struct {
	options   Options
	entries   map[string]*entry
	claimants map[targetKey][]*entry
	// ending holds the pipelines of objects that are gone, until they have stopped.
	ending map[string]*running
	// restoring holds what gives targets their original count back.
	restoring map[targetKey]*running
	all       sync.WaitGroup

	mu        sync.Mutex
	handovers map[string]Handover
}

// Handover is what a pipeline left when the controller stopped.
type Handover struct {
	UID    types.UID
	Memory scalers.Memory
}

// entry is one object.
type entry struct {
	key string
	so  *v1alpha1.ScaledObject
	// lastGood is the newest version that was understood, nil when none was.
	lastGood *compile.Workload
	claimed  targetKey
	// running is its pipeline, nil while it has none.
	running *running
	// invalid is what is not understood of the newest version; "" when that is the good one.
	invalid string
	// refused is why the newest version has no pipeline, and has been reported.
	refused string
	// preWrite comes before each write while the object is to be restored; nil while it is not. pledge makes its finalizer
	// what its spec says.
	preWrite      atomic.Pointer[preWriteHook]
	finalizerSync *finalizerSync
	// finalizing is true once the object is being deleted; restoring gives its target the original count back then.
	finalizing bool
	restoring  *running
}

// New returns a controller without objects. legacy is what an earlier one of this process left, when nobody else has
// written since.
func New(o Options, legacy map[string]Handover) *Controller {
	c := &Controller{
		options: o, entries: map[string]*entry{}, claimants: map[targetKey][]*entry{}, ending: map[string]*running{}, handovers: legacy,
		restoring: map[targetKey]*running{},
	}
	if c.handovers == nil {
		c.handovers = map[string]Handover{}
	}
	return c
}

// Apply takes in a new object or a new version of one. Its defaults are filled in. What it runs ends with ctx.
func (c *Controller) Apply(ctx context.Context, so *v1alpha1.ScaledObject) {
	key := so.Namespace + "/" + so.Name
	m := c.entries[key]
	if m != nil && m.so.UID != so.UID {
		m.finalizing = true // There is a successor: nothing is restored.
		c.Delete(ctx, key)
		m = nil
	}
	fresh := m == nil
	if fresh {
		m = &entry{key: key}
		c.entries[key] = m
	}
	before := m.so
	m.so = so
	if so.DeletionTimestamp != nil {
		c.finalize(ctx, m)
		return
	}
	c.syncFinalizer(ctx, m)
	if !fresh && before.Generation == so.Generation && so.Generation != 0 && samePause(before, so) {
		return // Only its status changed: most likely by us.
	}
	w, mistakes := compile.Compile(so, c.options.Kinds, c.options.Settings)
	if w != nil && fresh {
		c.options.Reporter.Resume(w, &so.Status)
	}
	m.invalid = sentence(mistakes)
	switch {
	case w == nil && m.running != nil:
		c.reportVersion(m)
	case w == nil:
		c.refuse(m, invalidSpec, m.invalid)
	default:
		m.lastGood = w
		c.claim(ctx, m, targetKeyOf(w.Target))
	}
}

// Delete forgets an object. Its target keeps its count, unless the object says that it is restored.
func (c *Controller) Delete(ctx context.Context, key string) {
	m := c.entries[key]
	if m == nil {
		return
	}
	delete(c.entries, key)
	switch {
	case m.restoring != nil:
		m.restoring.cancel() // It is done, or somebody has removed the finalizer so that it ends.
	case compile.Restores(m.so):
		c.finalize(ctx, m)
	}
	c.stop(m)
	c.forget(key)
	c.options.Reporter.Forget(m.so.Namespace, m.so.Name)
	c.release(ctx, m)
}

// Sync takes in all objects that there are, the oldest first: those that are not among them are gone.
func (c *Controller) Sync(ctx context.Context, all []*v1alpha1.ScaledObject) {
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

// Wait waits until everything that was started has ended, which the end of its context causes, and returns what is
// remembered.
func (c *Controller) Wait() map[string]Handover {
	c.all.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.handovers
}

// remembered is what is known of an object from before: in this process, or in its status.
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
		// What is lost is unknown, and unknown lowers nothing: the windows begin with the count as it is found, and for all
		// that is known a trigger has just been active.
		return autoscaler.Past{Memory: scalers.Memory{LastActive: scalers.InstantOf(c.now())}}
	}
	return autoscaler.Past{Memory: m, Decided: so.Status.DesiredReplicas}
}

// forget drops what is remembered of an object that is gone, and what its pipeline will leave.
func (c *Controller) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.handovers, key)
	if r := c.ending[key]; r != nil {
		r.forgotten = true
	}
}

// refuse says why the newest version of an object is not followed.
func (c *Controller) refuse(m *entry, reason, message string) {
	if m.refused != reason+message {
		m.refused = reason + message
		c.options.Reporter.Refused(m.so, reason, message, m.running != nil)
	}
}

// sentence joins mistakes.
func sentence(mistakes []diag.Error) string {
	all := make([]string, len(mistakes))
	for i, m := range mistakes {
		all[i] = m.Error()
	}
	return strings.Join(all, "; ")
}

// samePause reports whether the annotations, which have no generation, are the same.
func samePause(a, b *v1alpha1.ScaledObject) bool {
	if len(a.Annotations) != len(b.Annotations) {
		return false
	}
	for k, v := range a.Annotations {
		if other, ok := b.Annotations[k]; !ok || other != v {
			return false
		}
	}
	return true
}

// byAge puts the oldest object first. Ages are in seconds: of two as old, the one that was refused its target before is
// refused again.
func byAge(a, b *v1alpha1.ScaledObject) int {
	refused := func(so *v1alpha1.ScaledObject) int {
		if so.Status.Reason == targetInUse {
			return 1
		}
		return 0
	}
	return cmp.Or(
		a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(refused(a), refused(b)),
		strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name),
	)
}

// Why the newest version of an object is not followed: it is not understood, or its target is another object's.
const (
	invalidSpec = "InvalidSpec"
	targetInUse = "TargetInUse"
)

// now is the clock of everything that the controller runs.
func (c *Controller) now() time.Time { return c.options.Env.Now() }
