package scalers_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// tape turns fuzzed bytes into numbers, and gives zeros after the last.
type tape []byte

func (b *tape) byte() byte {
	if len(*b) == 0 {
		return 0
	}
	first := (*b)[0]
	*b = (*b)[1:]
	return first
}

// number returns a number, which is small more often than not.
func (b *tape) number() int64 {
	switch kind := b.byte(); {
	case kind < 200:
		return int64(kind) - 4
	case kind < 250:
		return int64(b.byte())<<8 | int64(b.byte())
	default:
		var all [8]byte
		for i := range all {
			all[i] = b.byte()
		}
		return int64(binary.LittleEndian.Uint64(all[:]))
	}
}

func (b *tape) duration() time.Duration {
	if n := b.number(); n > -1000 && n < 1_000_000 {
		return time.Duration(n) * time.Second
	}
	return time.Duration(b.number())
}

func (b *tape) behavior() scalers.Behavior {
	out := scalers.Behavior{Window: b.duration(), Tolerance: b.number() * 1000, Select: scalers.Select(b.byte() % 4)}
	for range b.byte() % 4 {
		out.Policies = append(out.Policies, scalers.RatePolicy{Percent: b.byte()%2 == 0, Amount: int32(b.number()), Period: b.duration()})
	}
	return out
}

// policy returns any policy; one in two is valid.
func (b *tape) policy() *scalers.Policy {
	if b.byte()%2 == 0 {
		return randomPolicy(rand.New(rand.NewPCG(uint64(b.number()), 3)))
	}
	p := &scalers.Policy{
		Min: int32(b.number()), Max: int32(b.number()), Idle: int32(b.number()), Cooldown: b.duration(), InitialCooldown: b.duration(),
		Created: scalers.Instant(b.number()), Up: b.behavior(), Down: b.behavior(), ForceActivation: b.byte()%8 == 0,
		CPUInitializationPeriod: b.duration(), InitialReadinessDelay: b.duration(),
	}
	if pause := b.byte(); pause < 20 {
		p.Paused = scalers.Paused{Fixed: pause < 4, At: int32(b.number()), All: pause < 8, In: pause < 12, Out: pause < 16}
		if b.byte()%2 == 0 {
			p.Paused.Until = epoch.Add(b.duration())
		}
	}
	if b.byte()%2 == 0 {
		p.Fallback = &scalers.Fallback{
			FailureThreshold: int32(b.number()), Replicas: int32(b.number()), Behavior: scalers.FallbackBehavior(b.byte() % 6), Interval: b.duration(),
		}
	}
	for i := range b.byte() % 5 {
		p.Triggers = append(p.Triggers, scalers.Trigger{
			Name: string(rune('a' + i)), Metric: scalers.Metric(b.byte() % 4), Target: scalers.Milli(b.number()), Activation: scalers.Milli(b.number()),
			Exact: b.byte()%4 == 0, Continuous: b.byte()%2 == 0, StaleAfter: b.duration(),
			PerPod: b.byte()%4 == 0, CPU: b.byte()%8 == 0, Min: int32(b.number()), Max: int32(b.number()), Cap: b.byte()%8 == 0,
			Input: b.byte()%8 == 0,
		})
		if b.byte()%4 == 0 {
			t := &p.Triggers[len(p.Triggers)-1]
			if t.Increment = (scalers.Increment{Percent: b.byte()%2 == 0, Amount: int32(b.number())}); b.byte()%4 > 0 {
				t.Exact, t.Target = true, 1000
			}
		}
	}
	if value, fails := scalers.Milli(b.number()), b.byte(); fails < 64 {
		p.Triggers = append(p.Triggers, scalers.Trigger{
			Name: "composite", Target: 1000, Formula: func([]scalers.Level) (scalers.Milli, error) {
				if fails < 4 {
					return value, errSource
				}
				return value, nil
			},
		})
	}
	return p
}

func (b *tape) event(at scalers.Instant, current int32) scalers.Event {
	e := scalers.Event{At: at, Value: scalers.Milli(b.number()), Ready: int32(b.number()), Current: current}
	if is := b.byte(); is%8 < 2 {
		e.Err, e.AtLeast = errSource, is%8 == 1
	}
	kind := b.byte()
	e.Stale, e.Suspended, e.Activity = kind%4 == 0, kind%8 == 3, scalers.Activity(max(kind/64, 1)-1)
	if b.byte()%4 == 0 {
		e.PerPod = true
		for range b.byte() % 5 {
			e.Pods = append(e.Pods, b.pod(at))
		}
	}
	return e
}

func (b *tape) pod(at scalers.Instant) scalers.Pod {
	is := b.byte()
	return scalers.Pod{
		Phase: scalers.PodPhase(b.byte() % 6), Deleting: is%16 == 0, NotReady: is&1 != 0, NoCondition: is&2 != 0, Unlisted: is&4 != 0,
		Sampled: is&24 != 0, HasRequest: is&96 != 0, Usage: scalers.Milli(b.number()), Request: scalers.Milli(b.number()),
		Started: at.Add(-b.duration()), ReadyChanged: at.Add(b.duration()), SampledAt: at.Add(-b.duration()), Window: b.duration(),
	}
}

// FuzzDecide decides on any series of events under any policy. Nothing panics and no count is negative. With a valid policy an
// unknown level never lowers the count, the limits hold, a repeated decision is the same, and Next is in the future.
func FuzzDecide(f *testing.F) {
	f.Add([]byte("\x05\x0e\x03\x40\x00\x20\x00\x10\x00\x01\x02\x05\x0f\x10\x64\x01\x08\x05\x14\x02\x09\x09\x01\x01\x00\x18\x30\x01\x01"))
	for seed := range uint64(20) {
		l := newTimeline(seed, nil)
		bytes := make([]byte, 200)
		for i := range bytes {
			bytes[i] = byte(l.dice.Uint32())
		}
		f.Add(bytes)
	}
	f.Fuzz(func(t *testing.T, bytes []byte) { playTape(t, tape(bytes)) })
}

// playTape decides on the policy and the events of a tape.
func playTape(t *testing.T, b tape) {
	t.Helper()
	p := b.policy()
	valid := p.Validate() == nil
	in := scalers.Input{Now: epoch, Current: int32(b.number()), Events: make([]scalers.Event, b.byte()%6)}
	for range 12 {
		in.Now = in.Now.Add(max(b.duration(), 0) % (1 << 40))
		if len(in.Events) > 0 {
			in.Events[int(b.byte())%len(in.Events)] = b.event(in.Now, in.Current)
		}
		d := scalers.Decide(p, in)
		if d.Replicas < 0 || p.Summary(&d) == "" {
			t.Fatalf("Decide: got %d replicas: %q, want 0 or more, and a reason", d.Replicas, p.Summary(&d))
		}
		if valid && in.Current >= 0 {
			checkPromises(t, p, in, &d)
		}
		in.Memory = d.Memory
		if b.byte()%4 != 0 {
			in.Memory = in.Memory.Scaled(p, in.Now, in.Current, d.Replicas)
			in.Current = d.Replicas
		}
	}
}

// checkPromises checks what holds for every decision under a valid policy.
func checkPromises(t *testing.T, p *scalers.Policy, in scalers.Input, d *scalers.Decision) {
	t.Helper()
	if d.Next <= in.Now {
		t.Fatalf("Decide at %d: got Next %d, want a later instant", in.Now, d.Next)
	}
	if !d.Known && !p.Paused.Effective(in.Now).Fixed && !becomesIdle(d) && !fallbackApplies(p, d) && d.Replicas < min(in.Current, p.Max) {
		t.Fatalf("while a trigger is unknown: got %d replicas, want at least the current %d: %s", d.Replicas, in.Current, p.Why(d))
	}
	if p.Paused.Effective(in.Now) == (scalers.Paused{}) && (d.Replicas > p.Max || d.Replicas < max(p.Idle, 0) || p.Idle < 0 && d.Replicas < p.Min) {
		t.Fatalf("got %d replicas, want %d to %d: %s", d.Replicas, p.Min, p.Max, p.Why(d))
	}
	in.Memory = d.Memory.Clone()
	if again := scalers.Decide(p, in); again.Replicas != d.Replicas || again.Next != d.Next {
		t.Fatalf("Decide again: got %d replicas until %d, want %d until %d: %s", again.Replicas, again.Next, d.Replicas, d.Next, p.Why(d))
	}
	if _, err := d.Memory.MarshalText(); err != nil {
		t.Fatal(err)
	}
}
