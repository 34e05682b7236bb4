package autoscaler

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Actuator reads and writes targets. actuator.Client is one.
type Actuator interface {
	Watch(ctx context.Context, t actuator.Target, o actuator.WatchOptions, changed func(actuator.Observation)) error
	Set(ctx context.Context, t actuator.Target, observed actuator.Scale, n int32) (actuator.Scale, error)
	Pods(namespace, selector string) ([]actuator.Pod, error)
}

// Reporter reports decisions to people. It does not block, and retains nothing that it is given.
type Reporter interface {
	// Decided is called after each call of loop.Step. The write that the call returned is then already in flight.
	Decided(o *Outcome)
}

// Options configure an autoscaler.
type Options struct {
	Workload *compile.Workload
	Actuator Actuator
	Reporter Reporter
	// Open makes the source of trigger i, without I/O. It is called again when a source has ended.
	Open func(i int) (triggers.Source, error)
	// Now is the clock of the process, as NewClock makes it.
	Now func() time.Time
	// MayWrite reports whether this process may write: only the leader may. It is called before each call of loop.Step.
	MayWrite func() bool
	// Guard is called before each write; nil allows all.
	Guard Guard
	// Tracer makes spans of decisions and writes; nil makes none.
	Tracer trace.Tracer
}

// Guard checks whether the target, which has count replicas, may be written now. It returns a context for the write, which ends when the
// write must have ended, or why nothing may be written.
type Guard func(ctx context.Context, count int32) (context.Context, context.CancelFunc, error)

// Past is what the earlier decisions on a workload left. It comes from the previous autoscaler of the workload, or else from the
// status of its object.
type Past struct {
	Memory scalers.Memory
	// Decided is the newest decided count in the status. Memory may then lack later decisions, because a process can die between a
	// write and its report. Nil means that Memory is complete.
	Decided *int32
}

// writeTimeout bounds one write.
const writeTimeout = 5 * time.Second

// Autoscaler scales one workload. options does not change, and all goroutines may use inbox, pods and results.
type Autoscaler struct {
	options Options
	inbox   *inbox
	pods    podLister
	// results has the result of the write in flight.
	results chan loop.Result

	// Only the goroutine of Run uses outcome and spans, and changes workload and state. It holds mu while it changes those, so that Inspect may
	// read them.
	outcome  Outcome
	spans    spans
	mu       sync.Mutex
	workload *compile.Workload
	state    *loop.State
}

// New returns an autoscaler that does not run yet.
func New(o Options) *Autoscaler {
	return &Autoscaler{
		options: o, inbox: newInbox(len(o.Workload.Triggers)), pods: newPodLister(), workload: o.Workload, results: make(chan loop.Result, 1),
		spans: spans{tracer: o.Tracer},
	}
}

// Update replaces the workload's policy. The new workload must have the same target and triggers; its sources continue to run.
func (a *Autoscaler) Update(w *compile.Workload) { a.inbox.putWorkload(w) }

// Run scales the workload until ctx is done. It waits for the sources, finishes the write in flight, and returns what the next
// autoscaler of the workload has to remember. It is called once.
func (a *Autoscaler) Run(ctx context.Context, past Past) scalers.Memory {
	a.begin(past)
	var goroutines sync.WaitGroup
	for i := range a.workload.Triggers {
		goroutines.Go(func() { a.runSource(ctx, i) })
	}
	goroutines.Go(func() { a.watchTarget(ctx) })
	a.loop(ctx)
	if a.state.Writing() {
		a.end(<-a.results)
	}
	goroutines.Wait()
	return *a.state.Memory()
}

// begin creates the state, which continues from the past.
func (a *Autoscaler) begin(past Past) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = loop.New(loop.Options{
		Policy: a.workload.Policy, DryRun: a.workload.DryRun, Triggers: len(a.workload.Triggers),
		Memory: past.Memory.Resume(a.now()), LastDecided: past.Decided, Pacing: loop.ClusterPacing(),
	})
}

// loop calls step whenever there is something to do, until ctx is done.
func (a *Autoscaler) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var in loop.Inputs
		select {
		case <-ctx.Done():
		case <-a.inbox.wake:
		case in.Result = <-a.results:
			in.WriteEnded = true
		case <-timer.C:
		}
		if ctx.Err() != nil { // What arrives then leads to no decision: the alerts are unknown once the process stops.
			if in.WriteEnded {
				a.end(in.Result)
			}
			return
		}
		wakeAt := a.step(ctx, &in)
		if wakeAt == scalers.Never {
			timer.Stop()
			continue
		}
		// Wait at least one millisecond, so that a wrong instant does not cause a busy loop.
		timer.Reset(max(wakeAt.Sub(a.now()), time.Millisecond))
	}
}

// end applies and reports the result of a write when the workload is no longer scaled.
func (a *Autoscaler) end(result loop.Result) {
	in := loop.Inputs{Result: result, WriteEnded: true, Stopping: true}
	now := a.now()
	a.report(a.apply(&in, nil, now), now)
}

// step calls loop.Step with in and what is in the inbox, sends the write that it returns, and reports the outcome. It returns the
// instant of the next call.
func (a *Autoscaler) step(ctx context.Context, in *loop.Inputs) scalers.Instant {
	w := a.inbox.drain(in)
	in.MayWrite = a.options.MayWrite()
	now := a.now()
	began := a.spans.now()
	out := a.apply(in, w, now)
	if out.Decided {
		a.spans.decided(a.workload, a.state, in, began)
	}
	if out.Write != nil {
		go a.send(ctx, *out.Write, a.spans.ofWrite(a.workload, out.Write))
	}
	a.outcome.Arrived = in.Arrived
	a.report(out, now)
	return out.WakeAt
}

// apply calls loop.Step with in, and with the newest version of the workload unless w is nil.
func (a *Autoscaler) apply(in *loop.Inputs, w *compile.Workload, now scalers.Instant) loop.Output {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w != nil {
		a.workload = w
		in.Policy, in.DryRun = w.Policy, w.DryRun
	}
	return a.state.Step(in, now)
}

// send sends one write, and ends its span. The write is completed even if ctx is done meanwhile: Run waits for its result.
func (a *Autoscaler) send(ctx context.Context, w loop.Write, span writeSpan) {
	result := a.write(ctx, w)
	span.end(result.Err)
	a.results <- result
}

// write sends one write, and returns its result.
func (a *Autoscaler) write(ctx context.Context, w loop.Write) loop.Result {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	if a.options.Guard != nil {
		guarded, done, err := a.options.Guard(ctx, w.From.Replicas)
		if err != nil {
			return loop.Result{Err: err}
		}
		defer done()
		ctx = guarded
	}
	scale, err := a.options.Actuator.Set(ctx, a.options.Workload.Target, w.From, w.To)
	return loop.Result{Scale: scale, Err: err}
}
