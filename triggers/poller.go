package triggers

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

const (
	// maxReadTimeout limits the duration of a reading; the interval does too if it is shorter.
	maxReadTimeout = 30 * time.Second
	// minEarlyPause is the shortest time from the beginning of a reading to that of an early one. A rotated credential reaches its source
	// within a second, so it is half of that.
	minEarlyPause = 500 * time.Millisecond
	// maxIdle is how many goroutines remain while there is nothing to read. A tick has ten readings if there are 200 a second.
	maxIdle = 16
)

// errPreempted is the error of a reading whose slot was given to another one.
var errPreempted = errors.New("no answer yet, and its slot was given to another reading: this namespace has too many readings in progress, in total or at this server")

// Poller reads the polled triggers of all workloads, with one schedule and a limited number of concurrent readings, called slots.
//
// A group is all triggers that share one reading. A flow is the groups of one namespace, server and speed. The speed says how long the last
// reading took: fast, slow, or not measured yet.
//
// A group is read at once when it is new, and from then on at least once per interval. The second reading may come earlier, so that the
// readings of a server are spread evenly over the interval, and stay so: see ring. A group that is read late is not read later from then on.
//
// A group that is due is read at once if a slot is free. Some slots are reserved for namespaces that use few. When slots are scarce,
// they go to the namespace that uses the fewest slots; of the servers that it reads, to the one at which it uses the fewest; and of its
// flows at that server, to the one that uses the fewest. A group that has waited for a fifth of its interval preempts the oldest
// reading of another flow. This is, in this order, a flow of
//   - another namespace that uses at least two slots more than the group's namespace,
//   - the group's namespace at another server, if the namespace uses at least two slots more there,
//   - the group's namespace and server with another speed, if that flow uses at least two slots more.
//
// Of several, it is the flow that uses the most slots. If the slots of the group's server are used up, only flows and slots at that server
// count. Slow and hanging sources therefore delay only each other: the readings of a namespace that uses few slots begin at most a fifth of
// their interval late.
type Poller struct {
	slots, perServer int
	// began is the beginning of a tick.
	began   time.Time
	changed chan struct{}
	// next passes a reading to a goroutine that remains after another one. idle has one element for each of these while it waits.
	next chan *group
	idle chan struct{}

	mu sync.Mutex
	// second returns the time from the first reading of a new ring to the second, which is at most the interval. ringOf returns the key of
	// the ring of a group.
	second func(now time.Time, interval time.Duration) time.Duration
	ringOf func(groupKey) groupKey
	groups map[groupKey]*group
	rings  map[groupKey]*ring
	// scheduled has the groups that are not due yet; flows has the groups that are due or being read, and shares counts those and their
	// slots.
	scheduled queue
	flows     map[flowKey]*flow
	shares    map[shareKey]*share
}

// NewPoller returns a Poller that performs at most slots readings at a time and at most perServer of one server. Both are at least 1.
// It reads nothing before Run.
func NewPoller(slots, perServer int) *Poller {
	return &Poller{
		slots: max(slots, 1), perServer: max(perServer, 1), began: time.Now(), changed: make(chan struct{}, 1),
		next: make(chan *group), idle: make(chan struct{}, maxIdle),
		second: (&spread{}).second, ringOf: ringOf,
		groups: map[groupKey]*group{}, rings: map[groupKey]*ring{}, flows: map[flowKey]*flow{}, shares: map[shareKey]*share{},
	}
}

// Run reads until ctx is done. It then waits for the readings in progress, discards their results and returns ctx.Err(). It is called
// once.
func (p *Poller) Run(ctx context.Context) error {
	var readings sync.WaitGroup
	defer readings.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		for _, g := range p.startDue(timer) {
			select {
			case p.next <- g:
			default:
				readings.Go(func() { p.readAll(ctx, g) })
			}
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-p.changed:
		}
	}
	return ctx.Err()
}

// readAll performs a reading and, if the goroutine is one of the few that remain, those that follow. A new goroutine for each would have to
// grow its stack each time.
func (p *Poller) readAll(ctx context.Context, g *group) {
	for {
		p.read(ctx, g)
		select {
		case p.idle <- struct{}{}:
		default:
			return
		}
		select {
		case g = <-p.next:
			<-p.idle
		case <-ctx.Done():
			<-p.idle
			return
		}
	}
}

// startDue assigns slots to groups that are due and returns these groups. It sets the timer to the next time at which it has to run.
func (p *Poller) startDue(timer *time.Timer) []*group {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.enqueueDue(now)
	var started []*group
	for waiting := p.waitingFlows(now); len(waiting) > 0; {
		slices.SortFunc(waiting, (*flow).before)
		least := waiting[0].shares[scopeNamespace].used
		waiting = slices.DeleteFunc(waiting, func(f *flow) bool {
			if f.shares[scopeNamespace].used > least {
				return false // Namespaces that use fewer slots come first.
			}
			g := p.assignSlot(f, now)
			if g == nil {
				return true
			}
			g.began, g.done = now, make(chan struct{})
			started = append(started, g)
			return len(f.waiting) == 0
		})
	}
	if next := p.nextWake(now); !next.IsZero() {
		timer.Reset(next.Sub(now))
	}
	return started
}

// enqueueDue moves groups that are due to the queues of their flows. The caller must hold p.mu.
func (p *Poller) enqueueDue(now time.Time) {
	for len(p.scheduled) > 0 && !p.scheduled[0].wakeAt.After(now) {
		g, _ := heap.Pop(&p.scheduled).(*group)
		p.enqueue(g, flowKey{p.chargedNamespace(g), g.key.Server, g.speed})
	}
}

// chargedNamespace returns the namespace that the next reading of a group counts against: of the namespaces of its
// subscribers, the one with the fewest groups that are due or being read. The caller must hold p.mu.
func (p *Poller) chargedNamespace(g *group) string {
	due := func(namespace string) int {
		if s := p.shares[flowKey{namespace: namespace}.shareKey(scopeNamespace)]; s != nil {
			return s.due
		}
		return 0
	}
	charged := g.subs[0].namespace
	for _, s := range g.subs[1:] {
		if s.namespace != charged && due(s.namespace) < due(charged) {
			charged = s.namespace
		}
	}
	return charged
}

// nextWake returns the next time at which a group becomes due or may preempt; the zero time if there is none. The caller must hold p.mu.
func (p *Poller) nextWake(now time.Time) time.Time {
	var next time.Time
	if len(p.scheduled) > 0 {
		next = p.scheduled[0].wakeAt
	}
	for _, f := range p.flows {
		if len(f.waiting) == 0 {
			continue
		}
		if at := f.waiting[0].wakeAt; at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// read performs one reading, notifies the subscribers and schedules the next reading.
func (p *Poller) read(ctx context.Context, g *group) {
	limit := min(g.key.interval, maxReadTimeout)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, timeoutError(limit))
	defer cancel()
	began := time.Now()
	late := time.AfterFunc(slowAfter(g.key.interval), func() { p.demote(g, began) })
	defer late.Stop()
	if s := p.startReading(g, began, stop); s != nil {
		r := reading{at: scalers.InstantOf(s.now())}
		r.value, r.err = readSafely(ctx, s.read)
		preempted := errors.Is(context.Cause(ctx), errPreempted)
		if preempted && r.err != nil {
			r.err = errPreempted
		}
		if preempted || !errors.Is(ctx.Err(), context.Canceled) {
			for _, s := range p.storeReading(g, began, r) {
				s.notify(r)
			}
		}
	}
	p.finish(g, began)
}

// timeoutError is the error of a reading that took too long. Its text is made when it is needed.
type timeoutError time.Duration

// Error returns the duration.
func (e timeoutError) Error() string { return "no answer within " + time.Duration(e).String() }

// startReading returns the subscriber whose read function is called; nil if all have unsubscribed meanwhile.
func (p *Poller) startReading(g *group, began time.Time, stop context.CancelCauseFunc) *subscriber {
	p.mu.Lock()
	defer p.mu.Unlock()
	g.began, g.stop, g.early = began, stop, false
	if len(g.subs) == 0 {
		return nil
	}
	if g.flow == nil {
		stop(errPreempted)
	}
	return g.subs[0]
}

// demote moves a reading that is still in progress to the flow of slow ones.
func (p *Poller) demote(g *group, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.done == nil || !g.began.Equal(began) || g.flow == nil || g.flow.key.speed == slow {
		return
	}
	k := g.flow.key
	if k.speed == unmeasured {
		g.flow.shares[scopeServer].pace.slow()
	}
	k.speed = slow
	p.releaseSlot(g)
	p.enqueue(g, k)
	p.acquireSlot(g)
	p.wake()
}

// readSafely calls read and turns a panic into an error, so that a defect in one kind does not stop the others.
func readSafely(ctx context.Context, read func(context.Context) (any, error)) (value any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			value, err = nil, fmt.Errorf("read: this is a defect: %v", cause)
		}
	}()
	return read(ctx)
}

// storeReading stores a reading for later subscribers and returns the current ones.
func (p *Poller) storeReading(g *group, began time.Time, r reading) []*subscriber {
	p.mu.Lock()
	defer p.mu.Unlock()
	g.last, g.lastBegan = r, began
	return slices.Clone(g.subs)
}

// finish releases the slot and schedules the next reading: at the next instant of the group in its ring, or soon if it is to be early. The
// first reading of a group stands for an instant that passed while it was in progress, unless it took a whole interval: if many begin
// together and take long, their second readings would not be spread otherwise.
func (p *Poller) finish(g *group, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(g.done)
	first, took := g.speed == unmeasured, time.Since(began)
	g.done, g.stop = nil, nil
	g.speed, g.headStart = slow, 0
	if g.flow != nil { // Otherwise it was preempted.
		if g.flow.key.speed == unmeasured && g.last.err == nil {
			g.flow.shares[scopeServer].pace.answered(took)
		}
		p.releaseSlot(g)
		g.speed = speedOf(took, g.key.interval)
	}
	if len(g.subs) > 0 {
		due := g.next(began)
		if first && took < g.key.interval {
			due = g.next(began.Add(took))
		}
		if early := began.Add(minEarlyPause); g.early && early.Before(due) {
			due = early
		}
		p.schedule(g, due)
	}
	p.wake()
}

// readEarly makes the next reading of a group begin at once, or minEarlyPause after the last one began.
func (p *Poller) readEarly(key groupKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.groups[key]
	if g == nil {
		return
	}
	g.early = true
	if g.index < 0 || g.flow != nil {
		return // It is being read, and scheduled after that, or it is due.
	}
	due := time.Now()
	if earliest := g.began.Add(minEarlyPause); earliest.After(due) {
		due = earliest
	}
	if due.Before(g.wakeAt) {
		g.wakeAt = due
		heap.Fix(&p.scheduled, g.index)
		p.wake()
	}
}

// schedule sets the time at which a group is due. The caller must hold p.mu.
func (p *Poller) schedule(g *group, due time.Time) {
	g.wakeAt = due
	heap.Push(&p.scheduled, g)
	p.wake()
}

// wake makes Run call startDue again.
func (p *Poller) wake() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
