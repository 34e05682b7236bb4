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
	// maxReadTimeout is the deadline of a reading whose interval is longer.
	maxReadTimeout = 30 * time.Second
	// jitterFraction is the part of its interval by which the second reading of a group may be late, at random, so that groups
	// which began together do not stay together.
	jitterFraction = 4
)

// errPreempted is why a reading ended whose place was needed.
var errPreempted = errors.New("no answer yet, and the place was needed: this namespace has more readings under way than its share")

// Poller reads all polled triggers of all workloads: one schedule, and a bounded number of readings at a time.
//
// A group that is due is read at once while there is a place for it; some are kept for namespaces that hold few. Otherwise places go to the namespaces that hold the
// fewest of them; in a namespace, to the servers, and at a server, to groups that are as fast as each other. A group that
// has waited for a fifth of its interval takes the place of the oldest reading of whoever holds more than its share. So
// sources that are slow, or hang, wait for each other: the readings of a namespace that holds less than its share begin at
// most a fifth of their interval late.
type Poller struct {
	slots, perServer int
	changed          chan struct{}

	mu     sync.Mutex
	groups map[groupKey]*group
	// scheduled are the groups that are not due yet, and flows hold those that are. shares count them.
	scheduled queue
	flows     map[flowKey]*flow
	shares    map[shareKey]*share
}

// NewPoller returns a Poller that has places for so many readings at a time, and for so many of one server, at least one
// each. It reads nothing before Run.
func NewPoller(places, perServer int) *Poller {
	return &Poller{
		slots: max(places, 1), perServer: max(perServer, 1), changed: make(chan struct{}, 1),
		groups: map[groupKey]*group{}, flows: map[flowKey]*flow{}, shares: map[shareKey]*share{},
	}
}

// Run reads until ctx is done; it then waits for the readings in flight and returns ctx.Err(). What they still say is
// dropped. It is called once.
func (p *Poller) Run(ctx context.Context) error {
	var flights sync.WaitGroup
	defer flights.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		for _, g := range p.startDue(timer) {
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

// startDue returns the groups that are due, as far as there are places, and sets the timer to when to look again.
func (p *Poller) startDue(timer *time.Timer) []*group {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.enqueueDue(now)
	var taken []*group
	for hungry := p.waitingFlows(now); len(hungry) > 0; {
		slices.SortFunc(hungry, (*flow).before)
		least := hungry[0].shares[scopeNamespace].used
		hungry = slices.DeleteFunc(hungry, func(f *flow) bool {
			if f.shares[scopeNamespace].used > least {
				return false // It is the others' turn.
			}
			g := p.assignSlot(f, now)
			if g == nil {
				return true
			}
			g.began, g.done = now, make(chan struct{})
			taken = append(taken, g)
			return len(f.waiting) == 0
		})
	}
	if next := p.nextWake(now); !next.IsZero() {
		timer.Reset(next.Sub(now))
	}
	return taken
}

// enqueueDue lets the groups that are due wait for a place; p.mu is held.
func (p *Poller) enqueueDue(now time.Time) {
	for len(p.scheduled) > 0 && !p.scheduled[0].due.After(now) {
		g, _ := heap.Pop(&p.scheduled).(*group)
		p.enqueue(g, flowKey{p.chargedNamespace(g), g.key.Server, g.speed})
	}
}

// chargedNamespace is the namespace that the next reading of a group counts against: of all that hear of it, the one with the fewest
// readings due; p.mu is held.
func (p *Poller) chargedNamespace(g *group) string {
	due := func(namespace string) int {
		if s := p.shares[flowKey{namespace: namespace}.shareKey(scopeNamespace)]; s != nil {
			return s.due
		}
		return 0
	}
	payer := g.subs[0].namespace
	for _, s := range g.subs[1:] {
		if s.namespace != payer && due(s.namespace) < due(payer) {
			payer = s.namespace
		}
	}
	return payer
}

// nextWake is when a group is due or loses its patience; zero: none does. p.mu is held.
func (p *Poller) nextWake(now time.Time) time.Time {
	var next time.Time
	if len(p.scheduled) > 0 {
		next = p.scheduled[0].due
	}
	for _, f := range p.flows {
		if len(f.waiting) == 0 {
			continue
		}
		if lost := f.waiting[0].due; lost.After(now) && (next.IsZero() || lost.Before(next)) {
			next = lost
		}
	}
	return next
}

// read takes one reading, tells everybody and schedules the next.
func (p *Poller) read(ctx context.Context, g *group) {
	limit := min(g.key.interval, maxReadTimeout)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	began := time.Now()
	late := time.AfterFunc(slowAfter(g.key.interval), func() { p.demote(g, began) })
	defer late.Stop()
	if s := p.startReading(g, began, stop); s != nil {
		r := reading{at: scalers.InstantOf(s.now())}
		r.value, r.err = readSafely(ctx, s.read)
		displaced := errors.Is(context.Cause(ctx), errPreempted)
		if displaced && r.err != nil {
			r.err = errPreempted
		}
		if displaced || !errors.Is(ctx.Err(), context.Canceled) {
			for _, s := range p.storeReading(g, began, r) {
				s.notify(r)
			}
		}
	}
	p.finish(g, began)
}

// startReading returns the subscriber that reads for all; nil when they have left meanwhile.
func (p *Poller) startReading(g *group, began time.Time, stop context.CancelCauseFunc) *subscriber {
	p.mu.Lock()
	defer p.mu.Unlock()
	g.began, g.stop = began, stop
	if len(g.subs) == 0 {
		return nil
	}
	if g.flow == nil {
		stop(errPreempted)
	}
	return g.subs[0]
}

// demote counts a reading that is still in flight among the slow ones.
func (p *Poller) demote(g *group, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.done == nil || !g.began.Equal(began) || g.flow == nil || g.flow.key.speed == slow {
		return
	}
	k := g.flow.key
	k.speed = slow
	p.releaseSlot(g)
	p.enqueue(g, k)
	p.acquireSlot(g)
	p.wake()
}

// readSafely reads, and makes an error of a panic: a mistake in one kind is no reason to stop the others.
func readSafely(ctx context.Context, read func(context.Context) (any, error)) (value any, err error) { //nolint:nonamedreturns // A deferred function sets them.
	defer func() {
		if cause := recover(); cause != nil {
			value, err = nil, fmt.Errorf("read: this is a defect: %v", cause)
		}
	}()
	return read(ctx)
}

// storeReading keeps a reading for newcomers and returns those who are to hear of it.
func (p *Poller) storeReading(g *group, began time.Time, r reading) []*subscriber {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.lastRead.IsZero() {
		began = began.Add(rand.N(g.key.interval/jitterFraction + 1))
	}
	g.last, g.lastRead = r, began
	return slices.Clone(g.subs)
}

// finish gives the place back and schedules the next reading an interval after this one began.
func (p *Poller) finish(g *group, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(g.done)
	g.done, g.stop = nil, nil
	g.speed = slow
	if g.flow != nil { // Otherwise it was displaced.
		p.releaseSlot(g)
		g.speed = speedOf(time.Since(began), g.key.interval)
	}
	if len(g.subs) > 0 {
		p.schedule(g, g.lastRead.Add(g.key.interval))
	}
	p.wake()
}

// schedule says when a group is due; p.mu is held.
func (p *Poller) schedule(g *group, due time.Time) {
	g.due = due
	heap.Push(&p.scheduled, g)
	p.wake()
}

// wake makes Run look again.
func (p *Poller) wake() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
