package scalers_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestIncrement(t *testing.T) {
	t.Run("steps add exactly and saturate", testStepsAddExactlyAndSaturate)
	t.Run("a step is proposed alone, on the smallest base", testStepIsProposedAloneOnSmallestBase)
	t.Run("at zero a step trigger asks for nothing, whatever its bounds", testAtZeroStepTriggerAsksForNothingWhateverItsBounds)
	t.Run("a flapping step never climbs", testFlappingStepNeverClimbs)
	t.Run("bases of removed triggers are forgotten", testBasesOfRemovedTriggersAreForgotten)
	t.Run("of two equal proposals the first in the spec wins, even if it is a step", testOfTwoEqualProposalsFirstInSpecWinsEvenIfItIsStep)
}

// stepPolicy returns a policy with a trigger whose level is a number of replicas, and a step trigger.
func stepPolicy(n scalers.Increment) *scalers.Policy {
	p := plainPolicy(2)
	p.Max, p.Triggers[1].Increment = math.MaxInt32, n
	return p
}

func testStepsAddExactlyAndSaturate(t *testing.T) {
	two, half := scalers.Increment{Amount: 2}, scalers.Increment{Amount: 50, Percent: true}
	for _, c := range []struct {
		n        scalers.Increment
		base     scalers.Milli
		level    scalers.Milli
		min, max int32
		want     int32
	}{
		{n: two, base: 10, level: 3000, want: 16},
		{n: two, base: 10, level: 3999, want: 16},
		{n: two, base: 2, level: 1000, want: 4},
		{n: half, base: 3, level: 1000, want: 5},
		{n: half, base: 3, level: 2000, want: 6},
		{n: half, base: 3, level: 3000, want: 8},
		{n: two, base: 10, level: 3000, max: 12, want: 12},
		{n: two, base: 10, level: 3000, min: 20, want: 20},
		{n: two, base: 10, level: math.MaxInt64, want: math.MaxInt32},
		{n: scalers.Increment{Amount: math.MaxInt32, Percent: true}, base: 2_000_000, level: math.MaxInt64, want: math.MaxInt32},
		{n: scalers.Increment{Amount: math.MaxInt32}, base: math.MaxInt32, level: 1000, want: math.MaxInt32},
	} {
		p := stepPolicy(c.n)
		p.Triggers[1].Min, p.Triggers[1].Max = c.min, c.max
		d := scalers.Decide(p, scalers.Input{Now: epoch, Current: 1, Events: []scalers.Event{
			{At: epoch, Value: c.base * 1000, Current: 1}, {At: epoch, Value: c.level, Current: 1},
		}})
		if q := d.Proposals()[1]; q.Raw != c.want || q.Replicas != c.want || q.Base != int32(c.base) || d.Replicas != c.want {
			t.Errorf("%s each on %d at level %s: got %d of base %d, decided %d, want %d", c.n, c.base, c.level, q.Raw, q.Base, d.Replicas, c.want)
		}
	}
}

func testStepIsProposedAloneOnSmallestBase(t *testing.T) {
	p := stepPolicy(scalers.Increment{Amount: 2})
	p.Min = 3
	if q := p.Propose(1, &scalers.Event{At: epoch, Value: 2000}, epoch); !q.Known || !q.Active || q.Raw != 7 || q.Base != 3 {
		t.Errorf("got %+v, want 3 and twice 2", q)
	}
	if q := p.Propose(1, &scalers.Event{At: epoch}, epoch); !q.Known || q.Active || !q.AddsNothing || q.Raw != 0 {
		t.Errorf("got %+v, want it known, inactive, and no proposal", q)
	}
}

func testAtZeroStepTriggerAsksForNothingWhateverItsBounds(t *testing.T) {
	p := stepPolicy(scalers.Increment{Amount: 2})
	p.Down.Window, p.Triggers[1].Min, p.Triggers[1].Activation = 0, 9, -5
	w := newWorkload(p, 12)
	w.read(0, 0, reading{value: 4000})
	w.read(1, 0, reading{value: 0})
	w.decide(0)
	if w.current != 4 || w.last.Proposals()[1].Active {
		t.Errorf("got %d replicas, active %t; want the 4 of the other, and it inactive", w.current, w.last.Proposals()[1].Active)
	}
}

// testFlappingStepNeverClimbs starts and ends an alert repeatedly while a window keeps the count and the tolerance would keep
// any count. The base never includes an earlier step.
func testFlappingStepNeverClimbs(t *testing.T) {
	p := stepPolicy(scalers.Increment{Amount: 2})
	p.Up.Tolerance, p.Down.Tolerance = 500_000, 500_000
	p.Triggers[0] = scalers.Trigger{Name: "queue", Target: 10_000, StaleAfter: time.Minute}
	w := newWorkload(p, 20)
	for at := time.Duration(0); at < 10*time.Minute; at += 10 * time.Second {
		w.read(0, at, reading{value: 200_000})
		w.read(1, at, reading{value: scalers.Milli(at/(10*time.Second)%2) * 1000})
		w.decide(at)
		if w.current > 22 {
			t.Fatalf("at %s: got %d replicas, want at most 22: %s", at, w.current, p.Why(&w.last))
		}
	}
}

func testBasesOfRemovedTriggersAreForgotten(t *testing.T) {
	p := plainPolicy(3)
	p.Triggers[1].Increment, p.Triggers[2].Increment = scalers.Increment{Amount: 1}, scalers.Increment{Amount: 1}
	w := newWorkload(p, 3)
	for i := range 3 {
		w.read(i, 0, reading{value: 2000})
	}
	w.decide(0)
	if len(w.memory.Bases) != 2 || w.memory.Bases[0].Replicas != 2 {
		t.Fatalf("got the bases %+v, want 2 each for b and c", w.memory.Bases)
	}
	two := *p
	two.Triggers = slices.Clone(p.Triggers[:2])
	w.policy, w.events = &two, w.events[:2]
	w.decide(time.Second)
	if len(w.memory.Bases) != 1 {
		t.Errorf("got the bases %+v, want that of b", w.memory.Bases)
	}
	two.Triggers[1].Increment = scalers.Increment{}
	w.decide(2 * time.Second)
	if len(w.memory.Bases) != 0 {
		t.Errorf("without step triggers: got the bases %+v, want none", w.memory.Bases)
	}
}

func testOfTwoEqualProposalsFirstInSpecWinsEvenIfItIsStep(t *testing.T) {
	p := plainPolicy(2)
	p.Triggers[0].Increment = scalers.Increment{Amount: 2}
	w := newWorkload(p, 4)
	for i, levels := range [][2]scalers.Milli{{1000, 4000}, {1000, 6000}} {
		at := time.Duration(i) * time.Second
		w.read(0, at, reading{value: levels[0]})
		w.read(1, at, reading{value: levels[1]})
		w.decide(at)
	}
	if w.last.Winner != 0 || w.current != 6 {
		t.Errorf("got %d replicas by trigger %d, want the 6 of the first", w.current, w.last.Winner)
	}
}
