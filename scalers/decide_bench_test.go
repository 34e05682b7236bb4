package scalers_test

import (
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// fullPolicy returns a policy with three triggers, both windows and four rate policies.
func fullPolicy() *scalers.Policy {
	return &scalers.Policy{
		Min: 2, Max: 100, Idle: 0, Cooldown: 5 * time.Minute, Created: epoch,
		Up: scalers.Behavior{Window: time.Minute, Tolerance: 100_000, Policies: []scalers.RatePolicy{
			{Amount: 4, Period: 15 * time.Second}, {Percent: true, Amount: 100, Period: 15 * time.Second},
		}},
		Down: scalers.Behavior{Window: 5 * time.Minute, Tolerance: 100_000, Select: scalers.Min, Policies: []scalers.RatePolicy{
			{Amount: 4, Period: time.Minute}, {Percent: true, Amount: 10, Period: time.Minute},
		}},
		Triggers: []scalers.Trigger{
			{Name: "queue", Target: 20_000, StaleAfter: 45 * time.Second},
			{Name: "rate", Target: 100_000, Metric: scalers.Value, StaleAfter: 45 * time.Second},
			{Name: "alert", Target: 1000, Exact: true, Continuous: true},
		},
	}
}

// BenchmarkDecide measures a decision with three triggers and full behavior: at a reading, with full windows and rate periods;
// at such a reading with two step triggers as well, five triggers in all; without a new reading; and on a workload that has not
// changed for long.
func BenchmarkDecide(b *testing.B) {
	b.Run("reading/full windows", func(b *testing.B) {
		p, in := fullInput()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			in.Now++
			in.Events[0].At, in.Events[0].Value = in.Now, scalers.Milli(1_700_000-i%2)
			d := scalers.Decide(p, in)
			in.Memory = d.Memory
		}
	})
	b.Run("reading/full windows, two steps", func(b *testing.B) {
		p, in := fullStepsInput()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			in.Now++
			in.Events[0].At, in.Events[0].Value = in.Now, scalers.Milli(1_700_000-i%2)
			d := scalers.Decide(p, in)
			in.Memory = d.Memory
		}
	})
	b.Run("wake/full windows", func(b *testing.B) {
		p, in := fullInput()
		b.ReportAllocs()
		for b.Loop() {
			d := scalers.Decide(p, in)
			in.Memory = d.Memory
		}
	})
	b.Run("reading/steady", func(b *testing.B) {
		w := newWorkload(fullPolicy(), 10)
		w.read(2, 0, reading{value: 2000})
		in := scalers.Input{Now: epoch, Current: 10, Events: w.events}
		b.ReportAllocs()
		for b.Loop() {
			in.Now = in.Now.Add(time.Second)
			for i := range 2 {
				in.Events[i].At, in.Events[i].Value, in.Events[i].Ready, in.Events[i].Current = in.Now, 100_000, 10, 10
			}
			d := scalers.Decide(w.policy, in)
			in.Memory = d.Memory
		}
	})
}

// BenchmarkDecidePods measures a decision with a reading of 60 pods, three other triggers, full behavior and full windows. The
// pods are all ready, or some are missing or unready and are filled in.
func BenchmarkDecidePods(b *testing.B) {
	for name, spoil := range map[string]int{"60 ready": 0, "60, some filled in": 10} {
		b.Run(name, func(b *testing.B) {
			p, in := fullPodsInput(spoil)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				in.Now++
				in.Events[3].At, in.Events[3].Pods[i%60].Usage = in.Now, scalers.Milli(700+i%2)
				d := scalers.Decide(p, in)
				in.Memory = d.Memory
			}
		})
	}
}

// fullStepsInput returns the policy and the input of fullInput with two more triggers, which are step triggers. Of one of them
// only a lower bound is known.
func fullStepsInput() (*scalers.Policy, scalers.Input) {
	p, in := fullInput()
	for _, name := range []string{"slow", "errors"} {
		p.Triggers = append(p.Triggers, scalers.Trigger{Name: name, Target: 1000, Exact: true, Continuous: true, Increment: scalers.Increment{Amount: 2}})
		in.Events = append(in.Events, scalers.Event{Trigger: name, At: in.Now, Value: 3000, Current: in.Current})
	}
	in.Events[4].Err, in.Events[4].AtLeast = errSource, true
	return p, in
}

// fullPodsInput returns the policy and the input of fullInput with a fourth trigger, for the cpu of 60 pods. Of these, spoil pods
// have no sample, and as many are not ready.
func fullPodsInput(spoil int) (*scalers.Policy, scalers.Input) {
	p, in := fullInput()
	cpu := cpuPolicy()
	p.CPUInitializationPeriod, p.InitialReadinessDelay = cpu.CPUInitializationPeriod, cpu.InitialReadinessDelay
	p.Triggers = append(p.Triggers, cpu.Triggers[0])
	pods := podsOf(60, oldPod(in.Now, 700, 1000))
	for i := range spoil {
		pods[i].Sampled = false
		pods[59-i].Started, pods[59-i].NotReady = in.Now.Add(-time.Minute), true
	}
	in.Events = append(in.Events, scalers.Event{Trigger: "cpu", At: in.Now, Current: in.Current, PerPod: true, Pods: pods})
	return p, in
}

// fullInput returns a policy and an input whose memory is full and needed: recommendations that fell for four minutes and then rose
// for half a minute, a write each half second, and a proposal that the scale-up window and the rate policies limit.
func fullInput() (*scalers.Policy, scalers.Input) {
	p := fullPolicy()
	w := newWorkload(p, 10)
	for i := range 60 {
		w.memory = w.memory.Recommended(p, epoch.Add(time.Duration(i)*4*time.Second), int32(220-2*i))
	}
	for i := range 60 {
		at := 240*time.Second + time.Duration(i)*500*time.Millisecond
		w.memory = w.memory.Recommended(p, epoch.Add(at), int32(20+i))
		w.memory = w.memory.Scaled(p, epoch.Add(at), 10, 11-2*int32(i%2))
	}
	at := 270 * time.Second
	w.read(0, at, reading{value: 1_700_000})
	w.read(1, at, reading{value: 1_000})
	w.read(2, at, reading{value: 2_000})
	return p, scalers.Input{Now: epoch.Add(at), Current: 10, Events: w.events, Memory: w.memory}
}
