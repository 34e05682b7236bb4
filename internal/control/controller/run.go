package controller

import (
	"context"
	"reflect"
	"sync"

	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// running is a pipeline that was started.
type running struct {
	workload *compile.Workload
	live     *autoscaler.Autoscaler
	// shadow is the pipeline of its shadow policy, nil for none.
	shadow *autoscaler.Autoscaler
	cancel context.CancelFunc
	// done is closed when it has stopped, and what it remembers has been left.
	done chan struct{}
	// forgotten is true when nobody wants that any more; the controller's mutex guards it.
	forgotten bool
}

// await waits until it has stopped; nil has.
func (r *running) await() {
	if r != nil {
		<-r.done
	}
}

// run makes the newest version of an object that was understood run.
func (c *Controller) run(ctx context.Context, m *entry) {
	c.reportVersion(m)
	before := m.running
	switch {
	case before == nil:
		if before = c.ending[m.key]; before != nil {
			before.cancel()
		}
	case before.workload == m.lastGood:
		return
	case sameTriggers(before.workload, m.lastGood):
		before.workload = m.lastGood
		before.live.Update(m.lastGood)
		if before.shadow != nil {
			before.shadow.Update(m.lastGood.Shadow)
		}
		return
	default:
		before.cancel()
	}
	c.start(ctx, m, before, c.cancelRestore(m.claimed))
}

// reportVersion says that the newest version of an object is followed; or that it is not, and an older one is.
func (c *Controller) reportVersion(m *entry) {
	if m.invalid != "" {
		c.refuse(m, invalidSpec, "the last good version goes on: "+m.invalid)
		return
	}
	m.refused = ""
	c.options.Reporter.Accepted(m.lastGood)
}

// start starts a pipeline as soon as those before have stopped; it takes over what is remembered.
func (c *Controller) start(ctx context.Context, m *entry, before ...*running) {
	ctx, cancel := context.WithCancel(ctx)
	to := &guardedActuator{Actuator: c.options.Actuator, hold: &m.preWrite}
	r := &running{
		workload: m.lastGood, live: c.newAutoscaler(m.lastGood, to, c.options.Reporter, c.options.MayWrite),
		cancel: cancel, done: make(chan struct{}),
	}
	if s := m.lastGood.Shadow; s != nil {
		r.shadow = c.newAutoscaler(s, autoscaler.Shadow(c.options.Actuator), c.options.Reporter.Shadow(), func() bool { return true })
	}
	m.running = r
	so := m.so
	c.all.Go(func() {
		defer cancel()
		defer close(r.done)
		for _, b := range before {
			b.await()
		}
		var beside sync.WaitGroup
		if r.shadow != nil {
			beside.Go(func() { r.shadow.Run(ctx, autoscaler.Past{}) })
		}
		memory := r.live.Run(ctx, c.remembered(so)).Clone()
		beside.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		if !r.forgotten {
			c.handovers[so.Namespace+"/"+so.Name] = Handover{UID: so.UID, Memory: memory}
		}
	})
}

// stop stops an object's pipeline and does not wait for it.
func (c *Controller) stop(m *entry) {
	if m.running == nil {
		return
	}
	m.running.cancel()
	c.ending[m.key] = m.running
	m.running = nil
	for key, r := range c.ending {
		select {
		case <-r.done:
			delete(c.ending, key)
		default:
		}
	}
}

// newAutoscaler makes a pipeline. Its sources are opened when it runs.
func (c *Controller) newAutoscaler(w *compile.Workload, to autoscaler.Actuator, reporter autoscaler.Reporter, mayWrite func() bool) *autoscaler.Autoscaler {
	var p *autoscaler.Autoscaler
	p = autoscaler.New(autoscaler.Options{
		Workload: w, Actuator: to, Reporter: reporter, Now: c.now, MayWrite: mayWrite,
		Open: func(i int) (triggers.Source, error) {
			t := &w.Triggers[i]
			env := c.options.Env
			env.Namespace, env.Object, env.Trigger, env.PollingInterval = w.Namespace, w.Name, t.Name, t.PollingInterval
			env.Metric, env.Pods = w.Policy.Triggers[i].Metric, p.Pods
			if t.Auth == nil || c.options.Secrets == nil {
				env.Secret = func(context.Context, string) (string, error) { return "", nil }
				return t.Kind.Open(t.Config, env)
			}
			var servers []string
			if remote, ok := t.Config.(triggers.Remote); ok {
				servers = remote.Servers()
			}
			credential := c.options.Secrets.Open(w.Namespace, t.Auth, servers)
			env.Secret, env.Credentials = credential.Parameter, identity(w.Namespace, t.Auth)
			source, err := t.Kind.Open(t.Config, env)
			if err != nil {
				return nil, err
			}
			return &authenticated{source, credential}, nil
		},
	})
	return p
}

// authenticated is a source that has a credential while it runs.
type authenticated struct {
	triggers.Source

	credential *Credential
}

// Run is the source's.
func (a *authenticated) Run(ctx context.Context, emit func(scalers.Event)) error {
	defer a.credential.Close()
	return a.Source.Run(ctx, emit)
}

// sameTriggers reports whether two versions have the same target and the same sources, their shadows included.
func sameTriggers(a, b *compile.Workload) bool {
	if (a.Shadow == nil) != (b.Shadow == nil) || a.Shadow != nil && !sameTriggers(a.Shadow, b.Shadow) {
		return false
	}
	if a.Target != b.Target || len(a.Triggers) != len(b.Triggers) || a.NeedsPods() != b.NeedsPods() {
		return false
	}
	for i := range a.Triggers {
		x, y := &a.Triggers[i], &b.Triggers[i]
		if x.Name != y.Name || x.Kind.Name != y.Kind.Name || x.PollingInterval != y.PollingInterval ||
			a.Policy.Triggers[i].Metric != b.Policy.Triggers[i].Metric ||
			!reflect.DeepEqual(x.Config, y.Config) || !reflect.DeepEqual(x.Auth, y.Auth) {
			return false
		}
	}
	return true
}
