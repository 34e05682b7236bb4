package scalers_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// timeline is a random policy and a random series of events for a workload with it.
type timeline struct {
	rand   *rand.Rand
	policy *scalers.Policy
	// followers get the same input at the same instants.
	followers []follower
	now       scalers.Instant
	// current is the count, wished the last answer that has not been written yet, or -1.
	current, unwritten int32
	events             []scalers.Event
	memory             scalers.Memory
	last               scalers.Decision
	// log is what has happened so far; nil when it is not recorded. steps is the number of things that have happened.
	log   *strings.Builder
	seed  uint64
	steps int
	// dice are for the checks. They do not change the timeline.
	dice *rand.Rand
	// silent is the trigger whose source sends nothing more; -1 for none.
	silent int
}

// follower decides on the same timeline in another way.
type follower interface {
	onWrite(at scalers.Instant, from, to int32)
	onRestart(now scalers.Instant)
	onDecision(l *timeline)
}

func newTimeline(seed uint64, log *strings.Builder) *timeline {
	l := &timeline{rand: rand.New(rand.NewPCG(seed, 1)), dice: rand.New(rand.NewPCG(seed, 2)), seed: seed, log: log, now: epoch, unwritten: -1, silent: -1}
	l.policy = randomPolicy(l.rand)
	l.current = l.rand.Int32N(15)
	l.events = make([]scalers.Event, len(l.policy.Triggers))
	if n := len(l.events) - 1; l.policy.Triggers[n].Formula != nil {
		l.events = l.events[:n]
	}
	l.logf("%+v\n%d replicas", *l.policy, l.current)
	return l
}

func (l *timeline) logf(format string, args ...any) {
	if l.log != nil {
		fmt.Fprintf(l.log, "%-16s ", l.now.Sub(epoch))
		fmt.Fprintf(l.log, format+"\n", args...)
	}
}

// randomPolicy returns a valid policy with small numbers, so that edges coincide.
func randomPolicy(r *rand.Rand) *scalers.Policy {
	p := &scalers.Policy{Min: r.Int32N(4), Idle: scalers.NoIdle, Cooldown: seconds(r, 0, 10, 30), InitialCooldown: seconds(r, 0, 20), Created: epoch}
	p.Max = max(p.Min, 1) + r.Int32N(12)
	switch {
	case p.Min == 0:
		p.Idle = 0
	case r.IntN(3) == 0:
		p.Idle = r.Int32N(p.Min)
	}
	p.Up, p.Down = randomBehavior(r), randomBehavior(r)
	p.CPUInitializationPeriod, p.InitialReadinessDelay = seconds(r, 0, 30, 300), seconds(r, 0, 10)
	for i := range 1 + r.IntN(3) {
		t := scalers.Trigger{
			Name: string(rune('a' + i)), Target: scalers.Milli(1 + r.IntN(3000)), Continuous: r.IntN(2) == 0,
			Activation: scalers.Milli(r.IntN(3) * r.IntN(9000)), StaleAfter: seconds(r, 0, 5, 15, 40),
		}
		if r.IntN(2) == 0 {
			t.Target = scalers.Milli(1+r.IntN(4)) * 1000
		}
		switch r.IntN(7) {
		case 0:
			t.Exact, t.Target = true, 1000
		case 3, 4:
			t.Exact, t.Target, t.Activation, t.Increment = true, 1000, t.Activation/4, randomIncrement(r)
		case 1:
			t.Metric = scalers.Value
		case 2:
			t.PerPod, t.CPU = true, r.IntN(2) == 0
			if r.IntN(3) > 0 {
				t.Metric, t.Target = scalers.Utilization, scalers.Milli(1+r.IntN(30))*5000
			}
		}
		if r.IntN(6) == 0 {
			t.Min = r.Int32N(4)
			t.Max = t.Min + r.Int32N(8)
		}
		t.Cap = i > 0 && r.IntN(8) == 0
		p.Triggers = append(p.Triggers, t)
	}
	if r.IntN(6) == 0 {
		randomFormula(r, p)
	}
	if r.IntN(2) == 0 {
		p.Fallback = &scalers.Fallback{
			FailureThreshold: r.Int32N(3), Replicas: r.Int32N(10), Behavior: scalers.FallbackBehavior(r.IntN(4)), Interval: seconds(r, 0, 5, 10),
		}
		if p.Triggers[len(p.Triggers)-1].Formula != nil && r.IntN(3) > 0 {
			p.Fallback.Behavior = scalers.FallbackScalingModifiers
		}
	}
	return p
}

// randomFormula makes inputs of the triggers that can be some, and adds one with their sum, more or less: it may be negative,
// and may do without some of them or not.
func randomFormula(r *rand.Rand, p *scalers.Policy) {
	composite := scalers.Trigger{Name: "composite", Target: scalers.Milli(1+r.IntN(4)) * 1000, Activation: scalers.Milli(r.IntN(3000))}
	composite.Metric = scalers.Metric(r.IntN(5) / 4)
	inputs := 0
	for i := range p.Triggers {
		if t := &p.Triggers[i]; !t.PerPod && !t.Cap && !isStep(t) {
			t.Input, composite.Continuous = true, composite.Continuous || t.Continuous
			inputs++
		}
	}
	if inputs == 0 {
		return
	}
	least, less := r.IntN(inputs+1), scalers.Milli(r.IntN(2)*r.IntN(3000))
	composite.Formula = func(levels []scalers.Level) (scalers.Milli, error) {
		known, sum := 0, -less
		for _, l := range levels {
			if l.Known {
				known, sum = known+1, sum+l.Value
			}
		}
		if known < least {
			return 0, errSource
		}
		return sum, nil
	}
	p.Triggers = append(p.Triggers, composite)
}

func randomIncrement(r *rand.Rand) scalers.Increment {
	if r.IntN(3) == 0 {
		return scalers.Increment{Percent: true, Amount: []int32{10, 50, 100}[r.IntN(3)]}
	}
	return scalers.Increment{Amount: 1 + r.Int32N(3)}
}

func randomBehavior(r *rand.Rand) scalers.Behavior {
	b := scalers.Behavior{Window: seconds(r, 0, 0, 10, 30, 60), Tolerance: []int64{0, 100_000, 100_000, 500_000, 1_200_000}[r.IntN(5)]}
	b.Select = scalers.Select(r.IntN(7)/2) % 3
	for range r.IntN(3) {
		b.Policies = append(b.Policies, scalers.RatePolicy{
			Percent: r.IntN(2) == 0, Amount: []int32{1, 2, 5, 10, 50, 100}[r.IntN(6)], Period: seconds(r, 5, 10, 30),
		})
	}
	return b
}

func seconds(r *rand.Rand, choices ...int) time.Duration {
	return time.Duration(choices[r.IntN(len(choices))]) * time.Second
}

// randomPause returns a pause or none. It has no end, ends soon, or has ended.
func randomPause(r *rand.Rand, now scalers.Instant) scalers.Paused {
	p := []scalers.Paused{{}, {}, {All: true}, {In: true}, {Out: true}, {Fixed: true, At: 7}}[r.IntN(6)]
	if r.IntN(2) == 0 {
		p.Until = now.Add(seconds(r, 0, 1, 5, 10, 20, 60))
	}
	return p
}

// play makes one random change, and decides.
func (l *timeline) play() {
	l.steps++
	if l.unwritten >= 0 && l.rand.IntN(8) != 0 {
		l.write()
	}
	step := []time.Duration{0, 1, time.Second, 5 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second}[l.rand.IntN(7)]
	then := l.now.Add(step)
	if l.last.Next > l.now && l.last.Next <= then && l.memory.Seen {
		l.now = l.last.Next
		l.logf("wakes")
		l.decide()
		return
	}
	l.now = then
	switch l.rand.IntN(16) {
	case 0:
		l.current, l.unwritten = l.rand.Int32N(15), -1
		l.logf("another client writes %d", l.current)
	case 1:
		e := &l.events[l.rand.IntN(len(l.events))]
		e.Stale = !e.Stale
		l.logf("decides for no reason; %s is confirmed: %t", e.Trigger, !e.Stale)
	case 2:
		l.policy.ForceActivation = l.rand.IntN(4) == 0
		l.policy.Paused = randomPause(l.rand, l.now)
		l.logf("paused: %+v, forced active: %t", l.policy.Paused, l.policy.ForceActivation)
	case 3:
		l.policy.Max = max(l.policy.Min, 1) + l.rand.Int32N(12)
		l.logf("maximum %d", l.policy.Max)
	case 4:
		l.restart()
	case 5, 6:
		l.silent = l.rand.IntN(len(l.events))
		l.logf("%s is silent from now on", l.policy.Triggers[l.silent].Name)
	case 7:
		if t := &l.policy.Triggers[l.rand.IntN(len(l.events))]; isStep(t) {
			t.Increment = randomIncrement(l.rand)
			l.logf("%s adds %s each step", t.Name, t.Increment)
		}
	default:
		for range 1 + l.rand.IntN(2) {
			l.read(l.rand.IntN(len(l.events)))
		}
	}
	l.decide()
}

// write writes the last answer, some time after it was given.
func (l *timeline) write() {
	if l.rand.IntN(4) == 0 && l.last.Next > l.now+1 {
		l.now++
	}
	l.memory = l.memory.Scaled(l.policy, l.now, l.current, l.unwritten)
	for _, f := range l.followers {
		f.onWrite(l.now, l.current, l.unwritten)
	}
	l.current, l.unwritten = l.unwritten, -1
	l.logf("wrote %d", l.current)
}

// restart drops everything that was not stored.
func (l *timeline) restart() {
	clear(l.events)
	l.memory = l.memory.Resume(l.now)
	for _, f := range l.followers {
		f.onRestart(l.now)
	}
	l.logf("restarts")
}

func (l *timeline) read(i int) {
	t := &l.policy.Triggers[i]
	if i == l.silent {
		return
	}
	e := scalers.Event{
		Trigger: t.Name, At: l.now, Current: l.current, Ready: max(l.current-l.rand.Int32N(3)*l.rand.Int32N(2), 0), Suspended: l.rand.IntN(6) == 0,
	}
	if l.rand.IntN(3) == 0 && !t.Continuous && l.events[i].At < l.now-2 {
		e.At -= 2
	}
	if l.rand.IntN(6) == 0 {
		e.Activity = scalers.ActiveBySource + scalers.Activity(l.rand.IntN(2))
	}
	what := l.rand.IntN(10)
	if l.policy.Fallback != nil && l.events[i].Err != nil && !l.events[i].AtLeast && what > 4 {
		what = 0 // What has failed fails again.
	}
	switch what {
	case 0:
		e.Err = errSource
		if l.rand.IntN(2) == 0 {
			e.AtLeast, e.Value = true, max(t.Target, 1)*scalers.Milli(l.rand.IntN(8)-1)
		}
	case 1:
		e.Value = -1
	case 2:
		e.Value = 0
	case 3:
		e.Value = t.Target * scalers.Milli(l.rand.IntN(13))
	case 4: // An edge of the tolerance, or just past it.
		e.Value = t.Target*scalers.Milli(max(l.current, 1))*scalers.Milli(9+2*l.rand.IntN(2))/10 + scalers.Milli(l.rand.IntN(3)-1)
	case 5:
		e.Value = t.Activation + scalers.Milli(l.rand.IntN(2))
	default:
		e.Value = scalers.Milli(l.rand.IntN(int(t.Target) * 8))
	}
	if isStep(t) && e.Err == nil && e.Value >= 0 && l.rand.IntN(8) > 0 {
		e.Value = scalers.Milli(l.rand.IntN(4)) * 1000
	}
	if t.PerPod && e.Err == nil {
		e.Value, e.PerPod, e.Pods = 0, true, randomPods(l.rand, t, e.At, l.current)
		l.logf("%s over %+v", t.Name, e.Pods)
	}
	l.events[i] = e
	l.logf("%s is %s (%d ready of %d, at %s, error %v, at least %t, suspended %t, activity %d)",
		t.Name, e.Value, e.Ready, e.Current, e.At.Sub(epoch), e.Err, e.AtLeast, e.Suspended, e.Activity)
}

// decide decides, and lets the followers do so.
func (l *timeline) decide() {
	l.last = l.decideAt(l.now, l.current, l.memory)
	l.memory = l.last.Memory
	for _, f := range l.followers {
		f.onDecision(l)
	}
	l.unwritten = -1
	if l.last.Replicas != l.current {
		l.unwritten = l.last.Replicas
	}
	if l.log != nil {
		l.logf("→ %d, next %s, %v: %s", l.last.Replicas, l.last.Next.Sub(epoch), l.last.LimitedBy(), l.policy.Why(&l.last))
	}
}

func (l *timeline) decideAt(now scalers.Instant, current int32, m scalers.Memory) scalers.Decision {
	return scalers.Decide(l.policy, scalers.Input{Now: now, Current: current, Events: slices.Clone(l.events), Memory: m})
}

// fail ends the test with the log of the whole timeline, which it plays again for that.
func (l *timeline) fail(t *testing.T, format string, args ...any) {
	t.Helper()
	again := newTimeline(l.seed, &strings.Builder{})
	for range l.steps {
		again.play()
	}
	t.Fatalf("timeline %d: "+format+"\n%s", append(append([]any{l.seed}, args...), again.log.String())...)
}
