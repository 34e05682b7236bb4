// Package pipeline runs one workload: sources → latest events → scalers.Decide → actuator. One goroutine owns all of its
// state; whatever is slow (a source, the target's watch, a write) happens in goroutines that it waits for.
package pipeline

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/workload"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Actuator reads and writes targets. actuator.Client is one.
type Actuator interface {
	Watch(ctx context.Context, t actuator.Target, o actuator.WatchOptions, changed func(actuator.Observation)) error
	Set(ctx context.Context, t actuator.Target, seen actuator.Scale, n int32) (actuator.Scale, error)
}

// Reporter tells people what was decided. It does not block and keeps nothing that it is given.
type Reporter interface {
	Decided(o *Outcome)
}

// Options are what a pipeline needs of the process it runs in.
type Options struct {
	Workload *workload.Workload
	// Memory is what was remembered of the workload: by the pipeline before this one, or in its status.
	Memory   scalers.Memory
	Actuator Actuator
	Reporter Reporter
	// Sources are opened triggers, in the order of the workload's.
	Sources []triggers.Source
	// Now is the clock of the process: wall time at start plus monotonic time.
	Now func() time.Time
	// MayWrite is asked right before each write: only the leader writes.
	MayWrite func() bool
}

// Pipeline is one running workload.
type Pipeline struct {
	Options
	mail  mailbox
	state state
}

// state is owned by the goroutine that runs the pipeline.
type state struct {
	events []scalers.Event
	// stamped[i] is false while events[i] waits for the target to be known.
	stamped  []bool
	target   actuator.Observation
	known    bool
	memory   scalers.Memory
	decision scalers.Decision
	decided  bool
	// overtaken is true when the decision was taken while a write was under way.
	overtaken bool
	// cause is the time of the newest event that has not been answered by a write.
	cause  scalers.Instant
	writer writer
}

// New returns a pipeline that has not begun.
func New(o Options) *Pipeline {
	n := len(o.Workload.Triggers)
	p := &Pipeline{Options: o}
	p.mail = newMailbox(n)
	p.state = state{events: make([]scalers.Event, n), stamped: make([]bool, n), memory: o.Memory, writer: newWriter()}
	p.state.target.Ready = -1
	for i := range n {
		p.state.events[i].Trigger = o.Workload.Triggers[i].Name
	}
	p.state.decision.Next = scalers.Never
	return p
}

// Run runs the pipeline until ctx is done, finishes the write under way, and returns what is to be remembered.
func (p *Pipeline) Run(ctx context.Context) scalers.Memory {
	var all sync.WaitGroup
	for i := range p.Sources {
		all.Go(func() { p.listen(ctx, i) })
	}
	all.Go(func() { p.observe(ctx) })
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-p.mail.wake:
			p.receive()
			p.step(ctx)
		case r := <-p.state.writer.done:
			p.written(r)
			p.goOn(ctx)
		case <-timer.C:
			p.step(ctx)
		}
		timer.Reset(p.sleep())
	}
	if p.state.writer.busy {
		p.written(<-p.state.writer.done)
	}
	all.Wait()
	return p.state.memory
}

// now is the current instant.
func (p *Pipeline) now() scalers.Instant { return scalers.InstantOf(p.Now()) }

// sleep is how long there is nothing to do without news.
func (p *Pipeline) sleep() time.Duration {
	next := min(p.state.decision.Next, p.state.writer.next)
	if next == scalers.Never {
		return math.MaxInt64
	}
	return max(next.Sub(p.now()), 0)
}

// step decides on what is known now, and starts the write that follows from it.
func (p *Pipeline) step(ctx context.Context) {
	now := p.now()
	if p.state.known {
		p.decide(now)
		p.write(ctx, now)
	}
	p.report(now, nil)
}

// goOn follows a write that ended. Our own write causes no decision, but what was decided while it was under way was
// decided on the count before it, and a failed one is decided on anew.
func (p *Pipeline) goOn(ctx context.Context) {
	s := &p.state
	if s.overtaken || s.writer.retry > 0 {
		p.step(ctx)
		return
	}
	p.write(ctx, p.now())
}

// decide asks the core.
func (p *Pipeline) decide(now scalers.Instant) {
	s := &p.state
	s.decision = scalers.Decide(p.Workload.Policy, scalers.Input{
		Now: now, Current: s.target.Scale.Replicas, Events: s.events, Memory: s.memory,
	})
	s.memory = s.decision.Memory
	s.decided, s.overtaken = true, s.writer.busy
}

// receive takes over what has arrived since it was called last.
func (p *Pipeline) receive() {
	s := &p.state
	observation := p.mail.take(func(i int, e scalers.Event) {
		s.events[i], s.stamped[i] = e, false
		s.cause = max(s.cause, e.At)
	})
	if observation != nil {
		p.see(*observation)
	}
	for i := range s.events {
		if !s.stamped[i] && s.known && s.events[i].At != 0 {
			s.events[i].Current, s.events[i].Ready = s.target.Scale.Replicas, s.target.Ready
			s.stamped[i] = true
		}
	}
}

// see takes over a new observation of the target.
func (p *Pipeline) see(o actuator.Observation) {
	s := &p.state
	if o.Err != nil {
		s.target.Err, s.target.ForeignHPA, s.known = o.Err, o.ForeignHPA, false
		return
	}
	same := s.target.Scale.UID == o.Scale.UID
	if same && older(o.Scale.ResourceVersion, s.writer.wrote) {
		// From before our own write: the count in it is not news.
		o.Scale = s.target.Scale
	}
	if s.known && same && o.Scale.Replicas != s.target.Scale.Replicas && !s.writer.busy {
		s.writer.contest.foreign(p.now())
	}
	s.target, s.known = o, true
}
