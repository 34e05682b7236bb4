package triggers

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

const (
	// longestReading is the deadline of a reading whose interval is longer.
	longestReading = 30 * time.Second
	// slowReading is what a prompt source stays below.
	slowReading = time.Second
	// spread is the part of its interval by which the second reading of a group may be late, at random, so that groups
	// which began together do not stay together.
	spread = 4
)

// Poller reads all polled triggers of all workloads: one schedule, and a bounded number of readings at a time. Sources
// that are slow or hang wait for each other, not the prompt ones for them.
type Poller struct {
	mu     sync.Mutex
	groups map[groupKey]*group
	// prompt and slow hold the groups by how long their last reading took; each has as many places as there are workers.
	prompt, slow lane
	workers      int
	changed      chan struct{}
}

// lane is a queue of groups and how many of them are being read.
type lane struct {
	waiting dueQueue
	reading int
}

// NewPoller returns a Poller that has places for so many readings of prompt sources at a time, at least one, and for as
// many of slow ones. A reading that turns out to be slow gives its prompt place back, so that for the length of a deadline
// there may be more of those. It reads nothing before Run.
func NewPoller(workers int) *Poller {
	return &Poller{groups: map[groupKey]*group{}, workers: max(workers, 1), changed: make(chan struct{}, 1)}
}

// Run reads until ctx is done; it then waits for the readings in flight and returns ctx.Err(). What they still say is
// dropped. It is called once.
func (p *Poller) Run(ctx context.Context) error {
	var flights sync.WaitGroup
	defer flights.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		for _, g := range p.take(timer) {
			flights.Go(func() { p.read(ctx, g) })
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-p.changed:
		}
	}
	return ctx.Err()
}

// take returns the groups that are due, as far as there are places, and sets the timer to the next.
func (p *Poller) take(timer *time.Timer) []*group {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	var taken []*group
	for {
		l, due := p.next()
		if l == nil {
			return taken
		}
		if due.After(now) {
			timer.Reset(due.Sub(now))
			return taken
		}
		g, _ := heap.Pop(&l.waiting).(*group)
		l.reading++
		g.done = make(chan struct{})
		taken = append(taken, g)
	}
}

// next returns the lane whose first group is read next and when; nil when there is none or no place for it.
func (p *Poller) next() (*lane, time.Time) {
	var best *lane
	var due time.Time
	for _, l := range []*lane{&p.prompt, &p.slow} {
		if l.reading < p.workers && len(l.waiting) > 0 && (best == nil || l.waiting[0].due.Before(due)) {
			best, due = l, l.waiting[0].due
		}
	}
	return best, due
}

// read takes one reading, tells everybody and schedules the next.
func (p *Poller) read(ctx context.Context, g *group) {
	limit := min(g.key.interval, longestReading)
	ctx, stop := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer stop()
	began := time.Now()
	slow := time.AfterFunc(slowReading, func() { p.demote(g, began) })
	defer slow.Stop()
	if s := p.begin(g, began, stop); s != nil {
		r := reading{at: scalers.InstantOf(s.now())}
		r.value, r.err = safely(ctx, s.read)
		if !errors.Is(ctx.Err(), context.Canceled) {
			for _, s := range p.record(g, began, r) {
				s.deliver(r)
			}
		}
	}
	p.finish(g, began)
}

// begin returns the subscriber that reads for all; nil when they have left meanwhile.
func (p *Poller) begin(g *group, began time.Time, stop context.CancelFunc) *subscriber {
	p.mu.Lock()
	defer p.mu.Unlock()
	g.began, g.stop = began, stop
	if len(g.subs) == 0 {
		return nil
	}
	return g.subs[0]
}

// demote moves a reading that is still in flight to the slow ones.
func (p *Poller) demote(g *group, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.done == nil || !g.began.Equal(began) || g.lane == &p.slow {
		return
	}
	p.prompt.reading--
	p.slow.reading++
	g.lane = &p.slow
	p.wake()
}

// safely reads, and makes an error of a panic: a mistake in one kind is no reason to stop the others.
func safely(ctx context.Context, read func(context.Context) (any, error)) (value any, err error) { //nolint:nonamedreturns // A deferred function sets them.
	defer func() {
		if cause := recover(); cause != nil {
			value, err = nil, fmt.Errorf("read: this is a defect: %v", cause)
		}
	}()
	return read(ctx)
}

// record keeps a reading for newcomers and returns those who are to hear of it.
func (p *Poller) record(g *group, began time.Time, r reading) []*subscriber {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.read.IsZero() {
		began = began.Add(rand.N(g.key.interval/spread + 1))
	}
	g.last, g.read = r, began
	return slices.Clone(g.subs)
}

// finish gives the place back and schedules the next reading an interval after this one began.
func (p *Poller) finish(g *group, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(g.done)
	g.done, g.stop = nil, nil
	g.lane.reading--
	if len(g.subs) > 0 {
		g.lane = &p.prompt
		if time.Since(began) >= slowReading {
			g.lane = &p.slow
		}
		p.schedule(g, g.read.Add(g.key.interval))
	}
	p.wake()
}

// schedule puts a group into its lane.
func (p *Poller) schedule(g *group, due time.Time) {
	g.due = due
	heap.Push(&g.lane.waiting, g)
	p.wake()
}

// wake makes Run look again.
func (p *Poller) wake() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
