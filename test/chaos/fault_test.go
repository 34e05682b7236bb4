package chaos

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// injectFaults injects all faults of the plan, each at its time, and returns when all are over.
func (e *env) injectFaults(ctx context.Context) {
	var all sync.WaitGroup
	for _, f := range e.plan.faults {
		all.Go(func() {
			if e.waitUntil(ctx, f.at) {
				e.inject(ctx, f)
			}
		})
	}
	all.Wait()
}

// waitUntil waits until a time of the plan; false if ctx is done before.
func (e *env) waitUntil(ctx context.Context, at time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(e.ledger.began.Add(at))):
		return true
	}
}

// inject runs one fault, from its start to its end.
func (e *env) inject(ctx context.Context, f fault) {
	part, how, _ := strings.Cut(f.kind, " ")
	key, target := e.affectedPart(ctx, part, f.which)
	if part == "tenant" {
		key = f.kind // Different faults by the tenant may overlap.
	}
	if key == "" || !e.claim(key) {
		e.ledger.log("%s is skipped: its part has another fault, or does not exist", f.kind)
		return
	}
	defer e.release(key)
	if how == "kill on acceptance" {
		target, key = e.killOnAcceptance(ctx, f)
		if target < 0 {
			return
		}
		defer e.release(key)
	}
	t := e.ledger.begin(f, key, faultyImpulse(part, how, target))
	defer e.ledger.end(t)
	end := e.beginFault(ctx, f, part, how, target)
	if end == nil {
		e.ledger.fail("%q is no fault", f.kind)
		return
	}
	e.waitUntil(ctx, time.Since(e.ledger.began)+f.length)
	end()
}

// faultyImpulse returns the index of the affected Impulse. It has no meaning unless the fault is one of an Impulse, or of its
// connection to the API server.
func faultyImpulse(part, how string, target int) int {
	if part == "api" && (how == "away" || how == "down") {
		return everyImpulse
	}
	return target
}

// affectedPart returns the part that a fault affects: a key, of which only one fault is active at a time, and the index of the part
// among its kind.
func (e *env) affectedPart(ctx context.Context, part string, which int) (string, int) {
	switch part {
	case "leader":
		if i := e.leader(ctx); i >= 0 {
			which = i
		}
	case "follower":
		leader := e.leader(ctx)
		for which %= len(e.impulses); which == leader; which = (which + 1) % len(e.impulses) {
		}
	case "api", "peer":
		if which == theLeaders {
			which = max(e.leader(ctx), 0)
		}
		return part, which % len(e.api)
	case "alertmanager":
		return fmt.Sprint(part, which%peers), which % peers
	case "endpoint":
		return fmt.Sprint(part, which%peers), which % peers
	default:
		return part, 0
	}
	which %= len(e.impulses)
	return fmt.Sprint("impulse-", which), which
}

func (e *env) claim(key string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.busy[key] {
		return false
	}
	e.busy[key] = true
	return true
}

func (e *env) release(key string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.busy, key)
}

// killOnAcceptance kills the leader when the next delivery is accepted. Writes are slow until then, so that the write in flight is
// lost. It returns -1 if nothing is accepted in time.
func (e *env) killOnAcceptance(ctx context.Context, f fault) (int, string) {
	slow := f
	slow.kind = "api slow"
	t := e.ledger.begin(slow, "api", everyImpulse)
	defer e.ledger.end(t)
	defer e.setWires("slow", f.delay, e.api...)()
	hit := make(chan int, 1)
	e.mu.Lock()
	e.onAcceptance = func(leader int) {
		leader = max(leader, 0)
		e.impulses[leader].kill()
		hit <- leader
	}
	e.mu.Unlock()
	select {
	case i := <-hit:
		key := fmt.Sprint("impulse-", i)
		e.claim(key)
		return i, key
	case <-ctx.Done():
	case <-time.After(3*time.Second + f.length):
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onAcceptance = nil
	select {
	case i := <-hit: // At the last moment.
		return i, fmt.Sprint("impulse-", i)
	default:
		return -1, ""
	}
}

// beginFault begins a fault, and returns the function that ends it.
func (e *env) beginFault(ctx context.Context, f fault, part, how string, i int) func() {
	switch part {
	case "leader", "follower":
		return e.killOrPause(ctx, e.impulses[i], how)
	case "alertmanager":
		end := e.killOrPause(ctx, e.alertmanagers[i], how)
		if how == "kill" {
			e.truth.resend(i)
		}
		return end
	case "nats":
		return e.beginPartFault(ctx, e.nats, e.natsWire, how, f.delay)
	case "prometheus":
		return e.beginPartFault(ctx, e.prometheus, e.promWire, how, f.delay)
	case "gossip":
		return e.setWires(how, 0, e.gossips[0].wire, e.gossips[1].wire, e.gossips[2].wire)
	case "endpoint":
		if how == "unanswered" {
			e.balancers[i].setDropResponses(true)
			return func() { e.balancers[i].setDropResponses(false) }
		}
		return e.setLinkStates(how, f.delay, e.balancers[i].link)
	case "peer":
		return e.setWires(how, f.delay, e.peers[i])
	case "tenant":
		return e.attack(ctx, how)
	case "api":
		return e.beginAPIFault(ctx, how, f.delay, i)
	}
	return nil
}

// beginAPIFault begins a fault between the Impulses and the API server, and returns the function that ends it.
func (e *env) beginAPIFault(ctx context.Context, how string, delay time.Duration, i int) func() {
	switch how {
	case "away":
		return e.setWires("cut", 0, e.api...)
	case "down":
		e.plane.runSandbox(ctx, "stop")
		return func() { e.plane.runSandbox(ctx, "start") }
	default:
		return e.setWires(how, delay, e.api[i])
	}
}

// killOrPause kills or pauses a part, and returns the function that starts or resumes it.
func (e *env) killOrPause(ctx context.Context, p *part, how string) func() {
	if how == "freeze" {
		if err := p.pause(); err != nil {
			e.ledger.fail("%v", err)
		}
		return func() {
			if err := p.resume(); err != nil {
				e.ledger.fail("%v", err)
			}
		}
	}
	p.kill()
	return func() {
		if err := p.start(ctx); err != nil {
			e.ledger.fail("%v", err)
		}
	}
}

func (e *env) beginPartFault(ctx context.Context, p *part, wire *wire, how string, delay time.Duration) func() {
	if how == "kill" || how == "freeze" {
		return e.killOrPause(ctx, p, how)
	}
	return e.setWires(how, delay, wire)
}

func (e *env) setWires(how string, delay time.Duration, all ...*wire) func() {
	var links []*link
	for _, wire := range all {
		links = append(links, wire.link)
	}
	return e.setLinkStates(how, delay, links...)
}

// setLinkStates changes the state of several connections. The returned function resets it.
func (e *env) setLinkStates(how string, delay time.Duration, all ...*link) func() {
	s := map[string]linkState{"cut": cut, "stall": stalled, "slow": passing}[how]
	for _, f := range all {
		f.set(s, delay)
	}
	return func() {
		for _, f := range all {
			f.set(passing, 0)
		}
	}
}
