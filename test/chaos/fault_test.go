package chaos

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// misfortune lets all faults of the plan happen, each at its time, and returns when all are over.
func (w *world) misfortune(ctx context.Context) {
	var all sync.WaitGroup
	for _, f := range w.plan.faults {
		all.Go(func() {
			if w.at(ctx, f.at) {
				w.suffer(ctx, f)
			}
		})
	}
	all.Wait()
}

// at waits until a moment of the plan.
func (w *world) at(ctx context.Context, moment time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(w.ledger.began.Add(moment))):
		return true
	}
}

// suffer lets one fault happen, from its beginning to its end.
func (w *world) suffer(ctx context.Context, f fault) {
	whom, way, _ := strings.Cut(f.kind, " ")
	key, target := w.victim(ctx, whom, f.which)
	if whom == "tenant" {
		key = f.kind // Each way by itself.
	}
	if key == "" || !w.claim(key) {
		w.ledger.say("%s passes by", f.kind)
		return
	}
	defer w.release(key)
	if way == "kill on acceptance" {
		target, key = w.awaitAcceptance(ctx, f)
		if target < 0 {
			return
		}
		defer w.release(key)
	}
	t := w.ledger.begin(f, key, hits(whom, way, target))
	defer w.ledger.end(t)
	end := w.strike(ctx, f, whom, way, target)
	if end == nil {
		w.ledger.fail("%q is no fault", f.kind)
		return
	}
	w.at(ctx, time.Since(w.ledger.began)+f.length)
	end()
}

// hits is the Impulse that a fault is upon.
func hits(whom, way string, target int) int {
	if whom == "api" && (way == "away" || way == "down") {
		return anybody
	}
	return target
}

// victim finds who is hit: a name that no two faults may have at a time, and which one of its kind it is.
func (w *world) victim(ctx context.Context, whom string, which int) (string, int) {
	switch whom {
	case "leader":
		if i := w.leader(ctx); i >= 0 {
			which = i
		}
	case "follower":
		leader := w.leader(ctx)
		for which %= len(w.impulses); which == leader; which = (which + 1) % len(w.impulses) {
		}
	case "api", "peer":
		if which == theLeaders {
			which = max(w.leader(ctx), 0)
		}
		return whom, which % len(w.api)
	case "alertmanager":
		return fmt.Sprint(whom, which%peers), which % peers
	case "door":
		return fmt.Sprint(whom, which%peers), which % peers
	default:
		return whom, 0
	}
	which %= len(w.impulses)
	return fmt.Sprint("impulse-", which), which
}

func (w *world) claim(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[key] {
		return false
	}
	w.busy[key] = true
	return true
}

func (w *world) release(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy, key)
}

// awaitAcceptance kills the leader when the next delivery is accepted, at that instant; writes are slow until then, so that one
// that is not over yet is lost. It returns -1 when nothing is accepted in time.
func (w *world) awaitAcceptance(ctx context.Context, f fault) (int, string) {
	slow := f
	slow.kind = "api slow"
	t := w.ledger.begin(slow, "api", anybody)
	defer w.ledger.end(t)
	defer w.wires("slow", f.delay, w.api...)()
	hit := make(chan int, 1)
	w.mu.Lock()
	w.onAcceptance = func(leader int) {
		leader = max(leader, 0)
		w.impulses[leader].kill()
		hit <- leader
	}
	w.mu.Unlock()
	select {
	case i := <-hit:
		key := fmt.Sprint("impulse-", i)
		w.claim(key)
		return i, key
	case <-ctx.Done():
	case <-time.After(3*time.Second + f.length):
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onAcceptance = nil
	select {
	case i := <-hit: // At the last moment.
		return i, fmt.Sprint("impulse-", i)
	default:
		return -1, ""
	}
}

// strike begins a fault, and returns what ends it.
func (w *world) strike(ctx context.Context, f fault, whom, way string, i int) func() {
	switch whom {
	case "leader", "follower":
		return w.hit(ctx, w.impulses[i], way)
	case "alertmanager":
		end := w.hit(ctx, w.alertmanagers[i], way)
		if way == "kill" {
			w.truth.forgot(i)
		}
		return end
	case "nats":
		return w.hitOrWire(ctx, w.nats, w.natsWire, way, f.delay)
	case "prometheus":
		return w.hitOrWire(ctx, w.prometheus, w.promWire, way, f.delay)
	case "gossip":
		return w.wires(way, 0, w.gossips[0].wire, w.gossips[1].wire, w.gossips[2].wire)
	case "door":
		if way == "deaf" {
			w.doors[i].setDeaf(true)
			return func() { w.doors[i].setDeaf(false) }
		}
		return w.fates(way, f.delay, w.doors[i].fate)
	case "peer":
		return w.wires(way, f.delay, w.peers[i])
	case "tenant":
		return w.tenant(ctx, way)
	case "api":
		return w.strikeAPI(ctx, way, f.delay, i)
	}
	return nil
}

// strikeAPI is strike between the Impulses and the API server.
func (w *world) strikeAPI(ctx context.Context, way string, delay time.Duration, i int) func() {
	switch way {
	case "away":
		return w.wires("cut", 0, w.api...)
	case "down":
		w.plane.sandbox(ctx, "stop")
		return func() { w.plane.sandbox(ctx, "start") }
	default:
		return w.wires(way, delay, w.api[i])
	}
}

// hit kills or freezes a part.
func (w *world) hit(ctx context.Context, p *part, way string) func() {
	if way == "freeze" {
		if err := p.freeze(); err != nil {
			w.ledger.fail("%v", err)
		}
		return func() {
			if err := p.thaw(); err != nil {
				w.ledger.fail("%v", err)
			}
		}
	}
	p.kill()
	return func() {
		if err := p.start(ctx); err != nil {
			w.ledger.fail("%v", err)
		}
	}
}

func (w *world) hitOrWire(ctx context.Context, p *part, wire *wire, way string, delay time.Duration) func() {
	if way == "kill" || way == "freeze" {
		return w.hit(ctx, p, way)
	}
	return w.wires(way, delay, wire)
}

func (w *world) wires(way string, delay time.Duration, all ...*wire) func() {
	var fates []*fate
	for _, wire := range all {
		fates = append(fates, wire.fate)
	}
	return w.fates(way, delay, fates...)
}

// fates changes how several connections are.
func (w *world) fates(way string, delay time.Duration, all ...*fate) func() {
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
