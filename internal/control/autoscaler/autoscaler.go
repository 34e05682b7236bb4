// Package autoscaler runs the decision loop of one workload: sources → loop.Step → actuator.
//
// One goroutine owns the loop's state and steps it: when something is in the inbox, when a write has ended, and at the instant that
// the last step named. The rest of the package is I/O: the sources, the target's watch and the writes run in goroutines of their
// own, and Run waits for all of them.
package autoscaler

import (
	"context"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Actuator reads and writes targets. actuator.Client is one.
type Actuator interface {
	Watch(ctx context.Context, t actuator.Target, o actuator.WatchOptions, changed func(actuator.Observation)) error
	Set(ctx context.Context, t actuator.Target, seen actuator.Scale, n int32) (actuator.Scale, error)
	Pods(namespace, selector string) ([]actuator.Pod, error)
}

// Reporter reports decisions to people. It does not block, and retains nothing that it is given.
type Reporter interface {
	// Decided is called after each step, when the write that the step called for is already on its way.
	Decided(o *Outcome)
}

// Options are what an autoscaler needs of its process.
type Options struct {
	Workload *compile.Workload
	Actuator Actuator
	Reporter Reporter
	// Open makes the source of trigger i, without I/O. It is called again when a source has ended.
	Open func(i int) (triggers.Source, error)
	// Now is the clock of the process, as NewClock makes it.
	Now func() time.Time
	// MayWrite reports whether this process may write: only the leader may. It is called before each step.
	MayWrite func() bool
}

// Past is what earlier decisions on a workload left: those of the autoscaler before this one, or of its status.
type Past struct {
	Memory scalers.Memory
	// Decided is the newest count that was decided, where Memory may lack the decisions after an older one: a process can die
	// between a write and its report. Nil: Memory is complete.
	Decided *int32
}

// writeTimeout bounds one write.
const writeTimeout = 5 * time.Second

// Autoscaler scales one workload. All but the inbox and the pod lister belongs to the goroutine of Run.
type Autoscaler struct {
	options Options
	inbox   *inbox
	pods    podLister

	workload *compile.Workload
	state    *loop.State
	// results has the result of the write in flight.
	results chan loop.Result
	outcome Outcome
}

// New returns an autoscaler that does not run yet.
func New(o Options) *Autoscaler {
	return &Autoscaler{
		options: o, inbox: newInbox(len(o.Workload.Triggers)), pods: newPodLister(), workload: o.Workload, results: make(chan loop.Result, 1),
	}
}

// Update replaces the workload's policy. The target and the triggers are the same: the sources are not disturbed.
func (a *Autoscaler) Update(w *compile.Workload) { a.inbox.putWorkload(w) }

// Run scales the workload until ctx is done. It waits for the sources, finishes the write in flight, and returns what the next
// autoscaler of the workload has to remember. It is called once.
func (a *Autoscaler) Run(ctx context.Context, past Past) scalers.Memory {
	a.state = loop.New(loop.Options{
		Policy: a.workload.Policy, DryRun: a.workload.DryRun, Triggers: len(a.workload.Triggers),
		Memory: past.Memory.Resume(a.now()), LastDecided: past.Decided, Pacing: loop.ClusterPacing(),
	})
	var sources sync.WaitGroup
	for i := range a.workload.Triggers {
		sources.Go(func() { a.runSource(ctx, i) })
	}
	sources.Go(func() { a.watchTarget(ctx) })
	a.loop(ctx)
	if a.state.Writing() {
		in := loop.Inputs{Result: <-a.results, WriteEnded: true, Stopping: true}
		now := a.now()
		a.report(a.state.Step(&in, now), now)
	}
	sources.Wait()
	return *a.state.Memory()
}

// loop steps whenever there is something to do, until ctx is done.
func (a *Autoscaler) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var in loop.Inputs
		select {
		case <-ctx.Done():
			return
		case <-a.inbox.wake:
		case in.Result = <-a.results:
			in.WriteEnded = true
		case <-timer.C:
		}
		wakeAt := a.step(ctx, &in)
		if wakeAt == scalers.Never {
			timer.Stop()
			continue
		}
		// A millisecond at least: an instant that is mistaken must not become a busy loop.
		timer.Reset(max(wakeAt.Sub(a.now()), time.Millisecond))
	}
}

// step does one step with in and all that has arrived, sends the write that it calls for, and reports it. It returns when the next
// step is due.
func (a *Autoscaler) step(ctx context.Context, in *loop.Inputs) scalers.Instant {
	if w := a.inbox.drain(in); w != nil {
		a.workload = w
		in.Policy, in.DryRun = w.Policy, w.DryRun
	}
	in.MayWrite = a.options.MayWrite()
	now := a.now()
	out := a.state.Step(in, now)
	if out.Write != nil {
		go a.send(ctx, *out.Write)
	}
	a.outcome.Arrived = in.Arrived
	a.report(out, now)
	return out.WakeAt
}

// send sends one write. It is finished even when the workload is no longer wanted: Run waits for it.
func (a *Autoscaler) send(ctx context.Context, w loop.Write) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	scale, err := a.options.Actuator.Set(ctx, a.options.Workload.Target, w.From, w.To)
	a.results <- loop.Result{Scale: scale, Err: err}
}
