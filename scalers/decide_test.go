package scalers_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestDecide(t *testing.T) {
	t.Run("a reading that is handled late has still arrived", testReadingThatIsHandledLateHasStillArrived)
	t.Run("a level that is replaced at the same instant has arrived", testLevelThatIsReplacedAtSameInstantHasArrived)
	t.Run("waking and foreign writes do not change the windows", testWakingAndForeignWritesDoNotChangeWindows)
	t.Run("a continuous level counts again under a new policy", testContinuousLevelCountsAgainUnderNewPolicy)
	t.Run("the first decision holds the count until the window has passed", testFirstDecisionHoldsCountUntilWindowHasPassed)
	t.Run("a rate policy does not prevent activation from zero", testRatePolicyDoesNotPreventActivationFromZero)
	t.Run("an idle workload never becomes active by itself", testIdleWorkloadNeverBecomesActiveByItself)
	t.Run("missing parts of the input cause no panic", testMissingPartsOfInputCauseNoPanic)
	t.Run("unknown proposals have a reason", testUnknownProposalsHaveReason)
	t.Run("every rule has a name", testEveryRuleHasName)
	t.Run("deciding allocates nothing", testDecidingAllocatesNothing)
	t.Run("deciding on steps allocates nothing", testDecidingOnStepsAllocatesNothing)
	t.Run("a copy of a decision on any number of triggers keeps its proposals", testCopyOfDecisionOnAnyNumberOfTriggersKeepsItsProposals)
	t.Run("deciding on pods and failures allocates nothing", testDecidingOnPodsAndFailuresAllocatesNothing)
}

// plainPolicy returns a policy of 1 to 100 replicas, one for each unit of each of n levels, and a scale-down window of 5 minutes.
func plainPolicy(n int) *scalers.Policy {
	p := &scalers.Policy{Min: 1, Max: 100, Idle: scalers.NoIdle, Down: scalers.Behavior{Window: 5 * time.Minute}, Created: epoch}
	for i := range n {
		p.Triggers = append(p.Triggers, scalers.Trigger{Name: string(rune('a' + i)), Target: 1000, Exact: true, Continuous: true})
	}
	return p
}

func testReadingThatIsHandledLateHasStillArrived(t *testing.T) {
	w := newWorkload(plainPolicy(2), 1)
	w.read(0, 0, reading{value: 1000})
	w.read(1, 0, reading{value: 1000})
	w.decide(0)
	w.read(0, 20*time.Second, reading{value: 2000})
	w.decide(20 * time.Second)
	// This reading is older than the last, and is handled after it.
	w.read(1, 19*time.Second, reading{value: 9000})
	w.decide(21 * time.Second)
	w.read(1, 30*time.Second, reading{value: 1000})
	w.decide(30 * time.Second)
	if w.current != 9 {
		t.Errorf("got %d replicas, want the 9 of the late reading to be in the window", w.current)
	}
}

func testLevelThatIsReplacedAtSameInstantHasArrived(t *testing.T) {
	w := newWorkload(plainPolicy(1), 1)
	w.read(0, 0, reading{value: 9000})
	w.decide(0)
	w.read(0, 0, reading{value: 2000})
	w.decide(0)
	w.runUntil(time.Hour)
	if w.current != 2 {
		t.Errorf("got %d replicas, want 2: the level of 9 does not last", w.current)
	}
}

func testWakingAndForeignWritesDoNotChangeWindows(t *testing.T) {
	w := newWorkload(plainPolicy(1), 1)
	w.policy.Triggers[0].Continuous = false
	w.read(0, 0, reading{value: 9000})
	w.decide(0)
	w.read(0, time.Second, reading{value: 3000})
	w.decide(time.Second)
	remembered := w.memory.Clone()
	for at := 2 * time.Second; at < 5*time.Minute; at += 10 * time.Second {
		w.current = 12
		w.decide(at)
	}
	if !slices.Equal(w.memory.Highs, remembered.Highs) {
		t.Errorf("after decisions without a reading: got Highs %v, want still %v", w.memory.Highs, remembered.Highs)
	}
}

func testContinuousLevelCountsAgainUnderNewPolicy(t *testing.T) {
	w := newWorkload(plainPolicy(1), 1)
	w.policy.Triggers[0].Exact = false
	w.read(0, 0, reading{value: 9000})
	w.decide(0)
	changed := *w.policy
	changed.Triggers = slices.Clone(changed.Triggers)
	changed.Triggers[0].Target = 3000
	w.policy = &changed
	w.decide(time.Minute)
	if w.last.Next != epoch.Add(6*time.Minute) {
		t.Errorf("got Next %s, want the 9 of the old policy to have ended at 1m", w.last.Next.Sub(epoch))
	}
	w.runUntil(time.Hour)
	if w.current != 3 {
		t.Errorf("got %d replicas, want 3", w.current)
	}
}

func testFirstDecisionHoldsCountUntilWindowHasPassed(t *testing.T) {
	w := newWorkload(plainPolicy(1), 40)
	w.read(0, 0, reading{value: 1000})
	w.decide(0)
	if w.current != 40 || w.last.Next != epoch.Add(5*time.Minute) {
		t.Errorf("got %d replicas until %s, want 40 until 5m", w.current, w.last.Next.Sub(epoch))
	}
}

func testRatePolicyDoesNotPreventActivationFromZero(t *testing.T) {
	p := plainPolicy(1)
	p.Min, p.Idle = 0, 0
	p.Up.Policies = []scalers.RatePolicy{{Percent: true, Amount: 100, Period: 15 * time.Second}}
	w := newWorkload(p, 0)
	w.read(0, 0, reading{value: 8000})
	w.decide(0)
	if w.current != 2 {
		t.Errorf("got %d replicas, want 2: activated with 1, and 100%% more", w.current)
	}
	w.runUntil(time.Minute)
	if w.current != 8 {
		t.Errorf("got %d replicas after a minute, want 8", w.current)
	}
}

func testIdleWorkloadNeverBecomesActiveByItself(t *testing.T) {
	p := plainPolicy(2)
	p.Min, p.Idle = 0, 0
	p.Triggers[0].Activation = 5000
	p.Up.Policies = []scalers.RatePolicy{{Amount: 1, Period: time.Second}}
	w := newWorkload(p, 0)
	w.read(0, 0, reading{value: 5000})
	w.read(1, 0, reading{value: 0})
	w.decide(0)
	if w.last.Next != scalers.Never || w.current != 0 {
		t.Errorf("got %d replicas, next in %s; want 0 and never", w.current, w.last.Next.Sub(epoch))
	}
}

func testMissingPartsOfInputCauseNoPanic(t *testing.T) {
	many := plainPolicy(100)
	for name, c := range map[string]struct {
		policy *scalers.Policy
		in     scalers.Input
	}{
		"nothing":          {&scalers.Policy{}, scalers.Input{}},
		"no events":        {plainPolicy(3), scalers.Input{Now: epoch, Current: 5}},
		"a negative count": {plainPolicy(1), scalers.Input{Now: epoch, Current: math.MinInt32, Events: []scalers.Event{{At: 1, Value: 5}}}},
		"too many":         {many, scalers.Input{Now: epoch, Current: 5, Events: make([]scalers.Event, 100)}},
		"no target": {
			&scalers.Policy{Min: 1, Max: 9, Idle: scalers.NoIdle, Triggers: make([]scalers.Trigger, 1)},
			scalers.Input{Now: epoch, Current: 5, Events: []scalers.Event{{At: 1, Value: 5, Current: 5}}},
		},
	} {
		d := scalers.Decide(c.policy, c.in)
		if d.Replicas < 0 || c.policy.Summary(&d) == "" {
			t.Errorf("Decide on %s: got %d replicas: %q, want 0 or more, and a reason", name, d.Replicas, c.policy.Summary(&d))
		}
	}
}

func testUnknownProposalsHaveReason(t *testing.T) {
	p := plainPolicy(6)
	p.Triggers[3].Continuous, p.Triggers[3].StaleAfter = false, time.Second
	p.Triggers[4].Exact, p.Triggers[4].Metric = false, scalers.Value
	at := epoch.Add(-2 * time.Second)
	d := scalers.Decide(p, scalers.Input{Now: epoch, Current: 3, Events: []scalers.Event{
		{},
		{At: at, Err: errSource},
		{At: at, Value: -1},
		{At: at, Value: 1},
		{At: at, Value: 1, Current: 3},
		{At: at, Value: 5000, Current: 3},
	}})
	for i, want := range []scalers.Unknown{scalers.NotRead, scalers.Failed, scalers.Negative, scalers.Stale, scalers.NoReadyPods, scalers.None} {
		if q := d.Proposals()[i]; q.Why != want || q.Known != (want == scalers.None) {
			t.Errorf("trigger %d: got %+v, want it unknown because it %s", i, q, want)
		}
	}
	if d.Winner != 5 || d.Raw != 5 || d.Replicas != 5 {
		t.Errorf("got %d replicas, raw %d by trigger %d; want the 5 of the one that is known", d.Replicas, d.Raw, d.Winner)
	}
}

func testEveryRuleHasName(t *testing.T) {
	want := []string{
		"formula", "tolerance", "unknown", "fallback", "stabilization", "rate", "activation", "cooldown", "idle", "minReplicaCount",
		"maxReplicaCount", "paused", "?",
	}
	for i, name := range want {
		if got := scalers.Rule(i).String(); got != name {
			t.Errorf("rule %d: got the name %s, want %s", i, got, name)
		}
	}
}

func testDecidingAllocatesNothing(t *testing.T) {
	p, in := fullInput()
	d := scalers.Decide(p, in)
	in.Memory = d.Memory
	if n := testing.AllocsPerRun(100, func() {
		in.Now = in.Now.Add(time.Millisecond)
		in.Events[0].At, in.Events[0].Value = in.Now, in.Events[0].Value+1
		d := scalers.Decide(p, in)
		in.Memory = d.Memory.Scaled(p, in.Now, 50, 51)
	}); n != 0 {
		t.Errorf("Decide: got %v allocations, want 0", n)
	}
}

func testDecidingOnStepsAllocatesNothing(t *testing.T) {
	p, in := fullStepsInput()
	d := scalers.Decide(p, in)
	in.Memory = d.Memory
	if n := testing.AllocsPerRun(100, func() {
		in.Now = in.Now.Add(time.Millisecond)
		for i := range in.Events {
			in.Events[i].At = in.Now
		}
		in.Events[3].Value = 3000 - in.Events[3].Value // The base is removed, and chosen again.
		in.Events[4].Value += 1000
		d := scalers.Decide(p, in)
		in.Memory = d.Memory.Scaled(p, in.Now, 50, 51)
	}); n != 0 {
		t.Errorf("Decide: got %v allocations, want 0", n)
	}
}

func testDecidingOnPodsAndFailuresAllocatesNothing(t *testing.T) {
	p, in := fullPodsInput(10)
	p.Fallback = &scalers.Fallback{FailureThreshold: 3, Replicas: 5}
	in.Events[1].Err = errSource
	d := scalers.Decide(p, in)
	in.Memory = d.Memory
	if n := testing.AllocsPerRun(100, func() {
		in.Now = in.Now.Add(time.Millisecond)
		in.Events[1].At, in.Events[3].At = in.Now, in.Now
		d := scalers.Decide(p, in)
		in.Memory = d.Memory.Scaled(p, in.Now, 50, 51)
	}); n != 0 {
		t.Errorf("Decide: got %v allocations, want 0", n)
	}
}

func testCopyOfDecisionOnAnyNumberOfTriggersKeepsItsProposals(t *testing.T) {
	for n := 1; n <= scalers.MaxTriggers; n++ {
		w := newWorkload(plainPolicy(n), 1)
		decide := func(factor int) scalers.Decision {
			for i := range n {
				w.read(i, time.Duration(factor)*time.Second, reading{value: scalers.Milli(factor*(i+1)) * 1000})
			}
			w.decide(time.Duration(factor) * time.Second)
			return w.last
		}
		first := decide(1)
		decide(2)
		if got := len(first.Proposals()); got != n {
			t.Fatalf("%d triggers: got %d proposals", n, got)
		}
		for i, q := range first.Proposals() {
			if want := int32(i + 1); !q.Known || q.Replicas != want {
				t.Errorf("%d triggers: trigger %d proposes %d (known: %t), want %d, whatever was decided since", n, i, q.Replicas, q.Known, want)
			}
		}
	}
}
