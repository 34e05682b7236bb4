package autoscaler

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/kube/writes"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Actuator reads and writes targets. actuator.Client is one.
type Actuator interface {
	Follow(t actuator.Target, o actuator.WatchOptions, changed func(actuator.Observation)) (stop func(), err error)
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
	// Open makes the source of trigger i, without I/O. It is called again when a source has ended. panicked is for triggers.Env.
	Open func(i int, panicked func(error)) (triggers.Source, error)
	// Panicked is called for each panic of a source that is not polled, which is then started again after a pause. It may be nil.
	Panicked func(trigger string, p *triggers.PanicError)
	// Now is the clock of the process, as NewClock makes it.
	Now func() time.Time
	// MayWrite reports whether this process may write: only the leader may. It is called before each call of loop.Step.
	MayWrite func() bool
	// Guard is called before each write; nil allows all.
	Guard Guard
	// Turns decides when a write is sent. Nil sends each at once.
	Turns *writes.Turns
	// Tracer makes spans of decisions and writes; nil makes none.
	Tracer trace.Tracer
	// Queue runs the autoscalers of the process. If it is nil, this one has a queue of its own.
	Queue *workqueue.Queue
}

// Guard checks whether the target, which has count replicas, may be written now. It returns a context for the write, which ends when the
// write must have ended, or why nothing may be written. If the guard writes, too, that may be the error of its write, which then counts as
// that of the count: one that was not answered in time leads to fewer writes at the same time.
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

// Autoscaler scales one workload. options does not change, and all goroutines may use item, started, inbox and pods.
type Autoscaler struct {
	options Options
	item    *workqueue.Item
	// started is what the item does, from Start on.
	started atomic.Pointer[func()]
	inbox   inbox
	pods    podLister

	// Only run uses these fields, after Start has set past. parts are the triggers and, as the last one, the target. wakeAt is the instant of
	// the next call of loop.Step, if nothing arrives before. over is true when everything has ended.
	past   func() Past
	parts  []part
	wakeAt scalers.Instant
	over   bool
	spans  spans
	// turn is that of a write that is not sent yet, which changes the count by waiting; nil when there is none.
	turn    *writes.Turn
	waiting int32

	// Only run changes workload and state. It holds mu while it changes those, so that Inspect may read them.
	mu       sync.Mutex
	workload *compile.Workload
	state    *loop.State
}

// New returns an autoscaler that does not run yet.
func New(o Options) *Autoscaler {
	n := len(o.Workload.Triggers)
	a := &Autoscaler{options: o, pods: newPodLister(), parts: make([]part, n+1), workload: o.Workload, spans: spans{tracer: o.Tracer}}
	a.item = o.Queue.NewItem(func() {
		if run := a.started.Load(); run != nil {
			(*run)()
		}
	})
	a.inbox = newInbox(n, a.item)
	return a
}

// Update replaces the workload's policy. The new workload must have the same target and triggers; its sources continue to run.
func (a *Autoscaler) Update(w *compile.Workload) { a.inbox.putWorkload(w) }

// Start begins to scale the workload, and returns at once. past returns what the earlier decisions have left. ended is called once ctx is
// done, all sources have ended and the write in flight is finished, with what the next autoscaler of the workload has to remember. Both
// functions are called by a worker of the queue, and do not wait. Start is called once.
func (a *Autoscaler) Start(ctx context.Context, past func() Past, ended func(scalers.Memory)) {
	a.past = past
	run := func() { a.run(ctx, ended) }
	a.started.Store(&run)
	context.AfterFunc(ctx, a.item.Wake)
	a.item.Wake()
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

// run does what there is to do. It is called when something is in the inbox, at the next deadline, and when ctx is done.
func (a *Autoscaler) run(ctx context.Context, ended func(scalers.Memory)) {
	if a.over {
		return
	}
	if a.state == nil {
		a.begin(a.past())
		a.past = nil // It may have a version of the object that nobody needs any more.
	}
	ends := a.inbox.drainEnds()
	if ctx.Err() != nil { // What arrives then leads to no decision: the alerts are unknown once the process stops.
		if a.over = a.finish(ends); a.over {
			ended(*a.state.Memory())
		}
		return
	}
	for _, e := range ends {
		a.endPart(e)
	}
	next := a.startParts(ctx)
	var in loop.Inputs
	w, readings := a.inbox.drain(&in)
	if w != nil || in.Arrived != 0 || in.Observed || in.WriteEnded || a.turnGranted() || a.now() >= a.wakeAt {
		a.wakeAt = a.step(ctx, &in, w)
	}
	readings.release()
	if next = min(next, a.wakeAt); next == scalers.Never {
		a.item.ClearDeadline()
		return
	}
	// Wait at least one millisecond, so that a wrong instant does not cause a busy loop.
	a.item.WakeAfter(max(next.Sub(a.now()), time.Millisecond))
}

// finish ends all parts, given those that have ended by themselves. It returns true once all have, and the write in flight is over; otherwise
// the ends of these lead to another call.
func (a *Autoscaler) finish(ends []partEnd) bool {
	a.item.ClearDeadline()
	for _, e := range ends {
		if p := &a.parts[e.part]; p.stop == nil { // Otherwise it has panicked, and is stopped below.
			p.running = false
		}
	}
	var in loop.Inputs
	a.inbox.drain(&in)
	if in.WriteEnded {
		a.end(in.Result)
	}
	a.leaveQueue()
	return a.stopParts() && !a.state.Writing()
}

// end applies and reports the result of a write when the workload is no longer scaled.
func (a *Autoscaler) end(result loop.Result) {
	in := loop.Inputs{Result: result, WriteEnded: true, Stopping: true}
	now := a.now()
	a.report(a.apply(&in, nil, now), now, 0)
}

// step calls loop.Step with what was in the inbox, sends the write that it returns, and reports the outcome. It returns the instant of the
// next call.
func (a *Autoscaler) step(ctx context.Context, in *loop.Inputs, w *compile.Workload) scalers.Instant {
	in.MayWrite, in.MustWait = a.options.MayWrite(), !a.turnGranted()
	now := a.now()
	began := a.spans.now()
	out := a.apply(in, w, now)
	a.queueWrite(&out, now)
	if out.Decided {
		a.spans.decided(a.workload, a.state, in, began)
	}
	if out.Write != nil {
		go a.send(ctx, *out.Write, a.turn, a.spans.ofWrite(a.workload, out.Write))
		a.turn = nil
	}
	a.report(out, now, in.Arrived)
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

// send sends one write, and ends its turn and its span. The write is completed even if ctx is done meanwhile: finish waits for its result.
func (a *Autoscaler) send(ctx context.Context, w loop.Write, turn *writes.Turn, span writeSpan) {
	result := a.write(ctx, w)
	turn.End(result.Err)
	span.end(result.Err)
	a.inbox.putResult(result)
}

// write sends one write if the guard allows it, and returns its result.
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
