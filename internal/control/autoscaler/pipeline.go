// Package autoscaler runs one workload: sources → latest events → scalers.Decide → actuator.
//
// One goroutine owns all of its state: events, memory, what is known of the target, the write under way and the one timer.
// Whatever takes time (a source, the target's watch, a write) happens in goroutines that it waits for.
//
// Each turn of that goroutine takes in all that has come, decides once when something calls for it, starts the write that
// follows, and only then tells. A decision is called for when a reading arrives, when somebody else changes the count or the
// policy, and at the instant that the last decision named. Our own write calls for none.
package autoscaler

import (
	"context"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Actuator reads and writes targets. actuator.Client is one.
type Actuator interface {
	Watch(ctx context.Context, t actuator.Target, o actuator.WatchOptions, changed func(actuator.Observation)) error
	Set(ctx context.Context, t actuator.Target, seen actuator.Scale, n int32) (actuator.Scale, error)
	Pods(namespace, selector string) ([]actuator.Pod, error)
}

// Reporter tells people what was decided. It does not block and keeps nothing that it is given.
type Reporter interface {
	// Decided is called after each turn, when the write that it called for is already under way, and when a write has ended.
	Decided(o *Outcome)
}

// Options are what a pipeline needs of the process it runs in.
type Options struct {
	Workload *compile.Workload
	Actuator Actuator
	Reporter Reporter
	// Open makes the source of trigger i, without I/O. It is called again when a source has given up.
	Open func(i int) (triggers.Source, error)
	// Now is the clock of the process, as NewClock makes it.
	Now func() time.Time
	// MayWrite is asked right before each write: only the leader writes.
	MayWrite func() bool
}

// Past is what is remembered of a workload: by the pipeline before this one, or in its status.
type Past struct {
	Memory scalers.Memory
	// Decided is the newest answer that Memory has, where newer ones may be missing: a process can die before it has said what
	// it has written. Nil: none is.
	Decided *int32
}

// patience is how long the first decision waits for the first reading of each trigger once the target is known: a restart
// then neither decides nor reports on half of them. It is bounded because unknown is safe: it lowers nothing.
const patience = time.Second

// Pipeline is one running workload. All but the mailbox and the roster belongs to the goroutine of Run.
type Pipeline struct {
	options Options
	mail    *mailbox

	workload *compile.Workload
	events   []scalers.Event
	// spoken has a bit for each trigger that has said something.
	spoken uint32
	memory scalers.Memory
	// before is what Past.Decided was.
	before   *int32
	decision scalers.Decision
	decided  bool
	// from is the count that the decision was taken from.
	from    int32
	view    view
	writer  writer
	contest contest
	roster  roster
	// wait is until when the first decision waits for the triggers; zero until the target is known.
	wait    scalers.Instant
	outcome Outcome
}

// New returns a pipeline that has not begun.
func New(o Options) *Pipeline {
	n := len(o.Workload.Triggers)
	return &Pipeline{
		options: o, mail: newMailbox(n), workload: o.Workload, events: make([]scalers.Event, n), writer: newWriter(), view: view{ready: -1},
		roster: newRoster(),
	}
}

// Update gives the workload another policy. Its target and triggers are those it had: the sources are not disturbed.
func (p *Pipeline) Update(w *compile.Workload) { p.mail.workload(w) }

// Run runs the pipeline until ctx is done, with what is remembered of the workload. It waits for the sources, finishes the
// write under way, and returns what is to be remembered. It is called once.
func (p *Pipeline) Run(ctx context.Context, past Past) scalers.Memory {
	p.before, p.memory = past.Decided, past.Memory.Resume(p.now())
	var others sync.WaitGroup
	for i := range p.events {
		others.Go(func() { p.listen(ctx, i) })
	}
	others.Go(func() { p.observe(ctx) })
	p.loop(ctx)
	if p.writer.flying {
		p.landed(<-p.writer.results)
		p.report()
	}
	others.Wait()
	return p.memory
}

func (p *Pipeline) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		again := false
		select {
		case <-ctx.Done():
			return
		case <-p.mail.wake:
		case r := <-p.writer.results:
			again = p.landed(r)
		case <-timer.C:
		}
		p.turn(ctx, again)
		p.arm(timer)
	}
}

// turn takes in what has come, decides when that or again calls for it, and starts the write.
func (p *Pipeline) turn(ctx context.Context, again bool) {
	now := p.now()
	if p.take(now) || again || p.due(now) {
		p.decide(now)
	}
	p.pursue(ctx, now)
	p.report()
}

// take takes in all that has come, and reports whether it calls for a decision.
func (p *Pipeline) take(now scalers.Instant) bool {
	mail := p.mail.take()
	called := mail.fresh != 0
	if mail.workload != nil {
		p.workload, called = mail.workload, true
	}
	if mail.observed && p.see(now, mail.observation) {
		called = true
	}
	for i := range p.events {
		if mail.fresh&(1<<i) != 0 {
			p.accept(now, i, mail.events[i])
		}
	}
	p.outcome.Arrived = mail.fresh
	return called
}

// accept takes in one reading and stamps it with what it was true of.
func (p *Pipeline) accept(now scalers.Instant, i int, e scalers.Event) {
	e.Trigger = p.workload.Triggers[i].Name
	if e.At <= 0 || e.At > now {
		e.At = now
	}
	p.writer.cause(e.At)
	e.Current, e.Ready = p.view.at(e.At)
	p.events[i] = e
	p.spoken |= 1 << i
}

// due reports whether there may be another answer by now with no news.
func (p *Pipeline) due(now scalers.Instant) bool {
	if !p.decided {
		return p.wait != 0 && now >= p.wait
	}
	return now >= p.decision.Next
}

// decide asks the core, unless the count is not known or the first decision has to wait.
func (p *Pipeline) decide(now scalers.Instant) {
	if !p.view.known || (!p.decided && now < p.wait && p.spoken != 1<<len(p.events)-1) {
		return
	}
	p.from = p.view.scale.Replicas
	p.decision = scalers.Decide(p.workload.Policy, scalers.Input{Now: now, Current: p.from, Events: p.events, Memory: p.memory})
	p.memory = p.decision.Memory
	p.decided, p.outcome.Fresh = true, true
	p.writer.overtaken = p.writer.flying
	if p.writer.flying {
		return // Whose count it is turns out when the write has ended: admission may have made another of ours.
	}
	if p.view.foreign && p.decision.Replicas != p.from {
		p.contest.written(now)
	}
	p.view.foreign = false
}

// arm sets the timer to the next instant at which there is something to do without news.
func (p *Pipeline) arm(timer *time.Timer) {
	next := p.writer.retry
	switch {
	case !p.view.known:
	case p.decided:
		next = min(next, p.decision.Next)
	default:
		next = min(next, p.wait)
	}
	if p.contest.level > 0 {
		next = min(next, p.contest.calm())
	}
	if next == scalers.Never {
		timer.Stop()
		return
	}
	// A millisecond at least: a Next that is mistaken must not become a busy loop.
	timer.Reset(max(next.Sub(p.now()), time.Millisecond))
}
