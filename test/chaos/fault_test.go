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
			if e.at(ctx, f.at) {
				e.inject(ctx, f)
			}
		})
	}
	all.Wait()
}

// at waits until a moment of the plan.
func (e *env) at(ctx context.Context, moment time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(e.ledger.began.Add(moment))):
		return true
	}
}

// inject runs one fault, from its start to its end.
func (e *env) inject(ctx context.Context, f fault) {
	whom, way, _ := strings.Cut(f.kind, " ")
	key, target := e.victim(ctx, whom, f.which)
	if whom == "tenant" {
		key = f.kind // Each way by itself.
	}
	if key == "" || !e.claim(key) {
		e.ledger.log("%s passes by", f.kind)
		return
	}
	defer e.release(key)
	if way == "kill on acceptance" {
		target, key = e.awaitAcceptance(ctx, f)
		if target < 0 {
			return
		}
		defer e.release(key)
	}
	t := e.ledger.begin(f, key, faultyImpulse(whom, way, target))
	defer e.ledger.end(t)
	end := e.beginFault(ctx, f, whom, way, target)
	if end == nil {
		e.ledger.fail("%q is no fault", f.kind)
		return
	}
	e.at(ctx, time.Since(e.ledger.began)+f.length)
	end()
}

// faultyImpulse returns the Impulse that a fault affects.
func faultyImpulse(whom, way string, target int) int {
	if whom == "api" && (way == "away" || way == "down") {
		return everyImpulse
	}
	return target
}

// victim returns the part that a fault affects: a name that no two faults may have at a time, and its index among its kind.
func (e *env) victim(ctx context.Context, whom string, which int) (string, int) {
	switch whom {
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
		return whom, which % len(e.api)
	case "alertmanager":
		return fmt.Sprint(whom, which%peers), which % peers
	case "endpoint":
		return fmt.Sprint(whom, which%peers), which % peers
	default:
		return whom, 0
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

// awaitAcceptance kills the leader at the instant at which the next delivery is accepted; writes are slow until then, so that one
// in flight is lost. It returns -1 when nothing is accepted in time.
func (e *env) awaitAcceptance(ctx context.Context, f fault) (int, string) {
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
func (e *env) beginFault(ctx context.Context, f fault, whom, way string, i int) func() {
	switch whom {
	case "leader", "follower":
		return e.killOrPause(ctx, e.impulses[i], way)
	case "alertmanager":
		end := e.killOrPause(ctx, e.alertmanagers[i], way)
		if way == "kill" {
			e.truth.resend(i)
		}
		return end
	case "nats":
		return e.beginPartFault(ctx, e.nats, e.natsWire, way, f.delay)
	case "prometheus":
		return e.beginPartFault(ctx, e.prometheus, e.promWire, way, f.delay)
	case "gossip":
		return e.setWires(way, 0, e.gossips[0].wire, e.gossips[1].wire, e.gossips[2].wire)
	case "endpoint":
		if way == "unanswered" {
			e.balancers[i].setDropResponses(true)
			return func() { e.balancers[i].setDropResponses(false) }
		}
		return e.setFates(way, f.delay, e.balancers[i].fate)
	case "peer":
		return e.setWires(way, f.delay, e.peers[i])
	case "tenant":
		return e.tenant(ctx, way)
	case "api":
		return e.beginAPIFault(ctx, way, f.delay, i)
	}
	return nil
}

// beginAPIFault is beginFault between the Impulses and the API server.
func (e *env) beginAPIFault(ctx context.Context, way string, delay time.Duration, i int) func() {
	switch way {
	case "away":
		return e.setWires("cut", 0, e.api...)
	case "down":
		e.plane.runSandbox(ctx, "stop")
		return func() { e.plane.runSandbox(ctx, "start") }
	default:
		return e.setWires(way, delay, e.api[i])
	}
}

// killOrPause kills or pauses a part.
func (e *env) killOrPause(ctx context.Context, p *part, way string) func() {
	if way == "freeze" {
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

func (e *env) beginPartFault(ctx context.Context, p *part, wire *wire, way string, delay time.Duration) func() {
	if way == "kill" || way == "freeze" {
		return e.killOrPause(ctx, p, way)
	}
	return e.setWires(way, delay, wire)
}

func (e *env) setWires(way string, delay time.Duration, all ...*wire) func() {
	var fates []*fate
	for _, wire := range all {
		fates = append(fates, wire.fate)
	}
	return e.setFates(way, delay, fates...)
}

// setFates changes the state of several connections.
func (e *env) setFates(way string, delay time.Duration, all ...*fate) func() {
	s := map[string]state{"cut": cut, "stall": stalled, "slow": whole}[way]
	for _, f := range all {
		f.set(s, delay)
	}
	return func() {
		for _, f := range all {
			f.set(whole, 0)
		}
	}
}
