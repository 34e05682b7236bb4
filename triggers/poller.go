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
	// spread is the part of its interval by which the second reading of a group may be late, at random, so that groups
	// which began together do not stay together.
	spread = 4
)

// errDisplaced is why a reading ended whose place was needed.
var errDisplaced = errors.New("no answer yet, and the place was needed: this namespace has more readings under way than its share")

// Poller reads all polled triggers of all workloads: one schedule, and a bounded number of readings at a time.
//
// A group that is due is read at once while there is a place for it; some are kept for namespaces that hold few. Otherwise places go to the namespaces that hold the
// fewest of them; in a namespace, to the servers, and at a server, to groups that are as fast as each other. A group that
// has waited for a fifth of its interval takes the place of the oldest reading of whoever holds more than its share. So
// sources that are slow, or hang, wait for each other: the readings of a namespace that holds less than its share begin at
// most a fifth of their interval late.
type Poller struct {
	places, perServer int
	changed           chan struct{}

	mu     sync.Mutex
	groups map[groupKey]*group
	// later are the groups that are not due yet, and flows hold those that are. shares count them.
	later  queue
	flows  map[flowKey]*flow
	shares map[shareKey]*share
}

// NewPoller returns a Poller that has places for so many readings at a time, and for so many of one server, at least one
// each. It reads nothing before Run.
func NewPoller(places, perServer int) *Poller {
	return &Poller{
		places: max(places, 1), perServer: max(perServer, 1), changed: make(chan struct{}, 1),
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

// take returns the groups that are due, as far as there are places, and sets the timer to when to look again.
func (p *Poller) take(timer *time.Timer) []*group {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.arrive(now)
	var taken []*group
	for hungry := p.hungry(now); len(hungry) > 0; {
		slices.SortFunc(hungry, (*flow).before)
		least := hungry[0].shares[ofNamespace].held
		hungry = slices.DeleteFunc(hungry, func(f *flow) bool {
			if f.shares[ofNamespace].held > least {
				return false // It is the others' turn.
			}
			g := p.seat(f, now)
			if g == nil {
				return true
			}
			g.began, g.done = now, make(chan struct{})
			taken = append(taken, g)
			return len(f.waiting) == 0
		})
	}
	if next := p.next(now); !next.IsZero() {
		timer.Reset(next.Sub(now))
	}
	return taken
}

// arrive lets the groups that are due wait for a place; p.mu is held.
func (p *Poller) arrive(now time.Time) {
	for len(p.later) > 0 && !p.later[0].at.After(now) {
		g, _ := heap.Pop(&p.later).(*group)
		p.enter(g, flowKey{p.payer(g), g.key.Server, g.pace})
	}
}

// payer is the namespace that the next reading of a group counts against: of all that hear of it, the one with the fewest
// readings due; p.mu is held.
func (p *Poller) payer(g *group) string {
	due := func(namespace string) int {
		if s := p.shares[flowKey{namespace: namespace}.at(ofNamespace)]; s != nil {
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

// next is when a group is due or loses its patience; zero: none does. p.mu is held.
func (p *Poller) next(now time.Time) time.Time {
	var next time.Time
	if len(p.later) > 0 {
		next = p.later[0].at
	}
	for _, f := range p.flows {
		if len(f.waiting) == 0 {
			continue
		}
		if lost := f.waiting[0].at; lost.After(now) && (next.IsZero() || lost.Before(next)) {
			next = lost
		}
	}
	return next
}

// read takes one reading, tells everybody and schedules the next.
func (p *Poller) read(ctx context.Context, g *group) {
	limit := min(g.key.interval, longestReading)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	began := time.Now()
	late := time.AfterFunc(slowAfter(g.key.interval), func() { p.demote(g, began) })
	defer late.Stop()
	if s := p.begin(g, began, stop); s != nil {
		r := reading{at: scalers.InstantOf(s.now())}
		r.value, r.err = safely(ctx, s.read)
		displaced := errors.Is(context.Cause(ctx), errDisplaced)
		if displaced && r.err != nil {
			r.err = errDisplaced
		}
		if displaced || !errors.Is(ctx.Err(), context.Canceled) {
			for _, s := range p.record(g, began, r) {
				s.deliver(r)
			}
		}
	}
	p.finish(g, began)
}

// begin returns the subscriber that reads for all; nil when they have left meanwhile.
func (p *Poller) begin(g *group, began time.Time, stop context.CancelCauseFunc) *subscriber {
	p.mu.Lock()
	defer p.mu.Unlock()
	g.began, g.stop = began, stop
	if len(g.subs) == 0 {
		return nil
	}
	if g.flow == nil {
		stop(errDisplaced)
	}
	return g.subs[0]
}

// demote counts a reading that is still in flight among the slow ones.
func (p *Poller) demote(g *group, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.done == nil || !g.began.Equal(began) || g.flow == nil || g.flow.key.pace == slow {
		return
	}
	k := g.flow.key
	k.pace = slow
	p.rise(g)
	p.enter(g, k)
	p.sit(g)
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
	g.pace = slow
	if g.flow != nil { // Otherwise it was displaced.
		p.rise(g)
		g.pace = paceOf(time.Since(began), g.key.interval)
	}
	if len(g.subs) > 0 {
		p.schedule(g, g.read.Add(g.key.interval))
	}
	p.wake()
}

// schedule says when a group is due; p.mu is held.
func (p *Poller) schedule(g *group, due time.Time) {
	g.at = due
	heap.Push(&p.later, g)
	p.wake()
}

// wake makes Run look again.
func (p *Poller) wake() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
