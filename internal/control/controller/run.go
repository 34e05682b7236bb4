package controller

import (
	"context"
	"reflect"
	"sync/atomic"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// running is what was started for an object and has not ended: its autoscaler with that of its shadow policy, or a restoration. For a
// restoration, workload, live and shadow are nil.
type running struct {
	workload *compile.Workload
	live     *autoscaler.Autoscaler
	// shadow is nil if the object has no shadow policy.
	shadow *autoscaler.Autoscaler
	cancel context.CancelFunc

	// The mutex of the controller guards the rest. over is true once it has ended and its handover is stored; followers are called then.
	over      bool
	followers []func()
	// forgotten is true if the handover is not to be stored.
	forgotten bool
}

// after calls next once all in previous have ended: at once, or by the goroutine that ends the last one. A nil running has ended.
func (c *Controller) after(next func(), previous ...*running) {
	var left atomic.Int32
	left.Store(1)
	ended := func() {
		if left.Add(-1) == 0 {
			next()
		}
	}
	c.mu.Lock()
	for _, r := range previous {
		if r != nil && !r.over {
			left.Add(1)
			r.followers = append(r.followers, ended)
		}
	}
	c.mu.Unlock()
	ended()
}

// end notes that r has ended, and calls its followers. store, unless it is nil, stores its handover.
func (c *Controller) end(r *running, store func()) {
	c.mu.Lock()
	if store != nil && !r.forgotten {
		store()
	}
	r.over = true
	followers := r.followers
	r.followers = nil
	c.mu.Unlock()
	r.cancel()
	for _, next := range followers {
		next()
	}
	c.all.Done()
}

// hasEnded reports whether r has ended.
func (c *Controller) hasEnded(r *running) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return r.over
}

// run puts the newest valid version of an object into effect.
func (c *Controller) run(ctx context.Context, e *entry) {
	c.reportVersion(e)
	previous := e.running
	switch {
	case previous == nil:
		if previous = c.ending[e.key]; previous != nil {
			previous.cancel()
		}
	case previous.workload == e.lastGood:
		return
	case sameTriggers(previous.workload, e.lastGood):
		previous.workload = e.lastGood
		previous.live.Update(e.lastGood)
		if previous.shadow != nil {
			previous.shadow.Update(e.lastGood.Shadow)
		}
		return
	default:
		previous.cancel()
	}
	c.start(ctx, e, previous, c.cancelRestore(e.claimed))
}

// reportVersion reports that the newest version of an object is in effect, or that an older one is because the newest is invalid.
func (c *Controller) reportVersion(e *entry) {
	if e.invalid != "" {
		c.refuse(e, v1alpha1.ReasonInvalidSpec, "the last good version stays in effect: "+e.invalid)
		return
	}
	e.refused = ""
	c.options.Reporter.Accepted(e.lastGood)
}

// start starts an autoscaler, which continues from the object's memory as soon as those in previous have stopped.
func (c *Controller) start(ctx context.Context, e *entry, previous ...*running) {
	ctx, cancel := context.WithCancel(ctx)
	guard := &writeGuard{e.lastGood.Target, c.options.Leading, &e.preWrite}
	reporter, shadowReporter := c.reporters(e.so)
	r := &running{
		workload: e.lastGood,
		live: c.newAutoscaler(e.lastGood, isPending(e.so, e.lastGood), autoscaler.Options{
			Actuator: c.options.Actuator, Reporter: reporter, MayWrite: c.options.MayWrite, Guard: guard.check, Turns: c.options.Turns, Tracer: c.options.Tracer,
		}),
		cancel: cancel,
	}
	if s := e.lastGood.Shadow; s != nil {
		r.shadow = c.newAutoscaler(s, false, autoscaler.Options{
			Actuator: autoscaler.Shadow(c.options.Actuator), Reporter: shadowReporter, MayWrite: func() bool { return true },
		})
	}
	e.running = r
	c.setOwner(e.so, r.live)
	so, w := e.so, e.lastGood
	c.all.Add(1)
	c.after(func() { c.begin(ctx, r, so, w) }, previous...)
}

// begin starts the autoscalers of an object, and stores the handover when both have ended.
func (c *Controller) begin(ctx context.Context, r *running, so *v1alpha1.ScaledObject, w *compile.Workload) {
	var left atomic.Int32
	left.Store(1)
	var memory scalers.Memory                    // Of the autoscaler that scales; the shadow leaves none.
	key, uid := so.Namespace+"/"+so.Name, so.UID // Not the object, whose newer versions replace it.
	ended := func() {
		if left.Add(-1) == 0 {
			c.end(r, func() { c.handovers[key] = Handover{UID: uid, Memory: memory} })
		}
	}
	if r.shadow != nil {
		left.Add(1)
		r.shadow.Start(ctx, func() autoscaler.Past { return autoscaler.Past{} }, func(scalers.Memory) { ended() })
	}
	stopped := c.options.Reporter.Running(w, r.live)
	r.live.Start(ctx, func() autoscaler.Past { return c.remembered(so) }, func(m scalers.Memory) {
		memory = m.Clone()
		stopped()
		ended()
	})
}

// stop stops an object's autoscaler, without waiting for it.
func (c *Controller) stop(e *entry) {
	if e.running == nil {
		return
	}
	e.running.cancel()
	c.ending[e.key] = e.running
	e.running = nil
	c.setOwner(e.so, nil)
	for key, r := range c.ending {
		if c.hasEnded(r) {
			delete(c.ending, key)
		}
	}
}

// isPending reports whether nothing has been decided for an object yet, or its target had the idle count at the last decision.
func isPending(so *v1alpha1.ScaledObject, w *compile.Workload) bool {
	decided := so.Status.DesiredReplicas
	return decided == nil || w.Policy.Idle != scalers.NoIdle && *decided == w.Policy.Idle
}

// newAutoscaler returns an autoscaler for a workload, with o and what all autoscalers have. It opens its sources when it runs. If it is
// pending, they are read before those of others.
func (c *Controller) newAutoscaler(w *compile.Workload, pending bool, o autoscaler.Options) *autoscaler.Autoscaler {
	var a *autoscaler.Autoscaler
	o.Workload, o.Now, o.Queue = w, c.now, c.options.Env.Queue
	o.Panicked = func(trigger string, p *triggers.PanicError) {
		if c.options.Panicked != nil {
			c.options.Panicked(w.Namespace, w.Name, trigger, p)
		}
	}
	o.Open = func(i int, panicked func(error)) (triggers.Source, error) {
		t := &w.Triggers[i]
		env := c.options.Env
		env.Namespace, env.Object, env.Trigger, env.PollingInterval, env.Cached = w.Namespace, w.Name, t.Name, t.PollingInterval, t.Cached
		env.Panicked = panicked
		env.Created, env.Pending = w.Policy.Created.Time(), pending
		env.Metric, env.Input, env.Pods, env.PodSelector = w.Policy.Triggers[i].Metric, w.Policy.Triggers[i].Input, a.Pods, a.PodSelector
		return openSource(c.options.Secrets, w, t, env)
	}
	a = autoscaler.New(o)
	return a
}

// sameTriggers reports whether two versions have the same target and the same sources, including those of their shadow policies.
func sameTriggers(a, b *compile.Workload) bool {
	if (a.Shadow == nil) != (b.Shadow == nil) || a.Shadow != nil && !sameTriggers(a.Shadow, b.Shadow) {
		return false
	}
	if a.Target != b.Target || a.Container != b.Container || len(a.Triggers) != len(b.Triggers) || a.NeedsPods() != b.NeedsPods() {
		return false
	}
	for i := range a.Triggers {
		x, y := &a.Triggers[i], &b.Triggers[i]
		if x.Name != y.Name || x.Kind.Name != y.Kind.Name || x.PollingInterval != y.PollingInterval ||
			a.Policy.Triggers[i].Metric != b.Policy.Triggers[i].Metric || a.Policy.Triggers[i].Input != b.Policy.Triggers[i].Input || x.Cached != y.Cached ||
			!reflect.DeepEqual(x.Config, y.Config) || !reflect.DeepEqual(x.Auth, y.Auth) ||
			!reflect.DeepEqual(x.Variables, y.Variables) || !reflect.DeepEqual(x.Metadata, y.Metadata) {
			return false
		}
	}
	return true
}
