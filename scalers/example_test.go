package scalers_test

import (
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// A queue has 240 messages, and each replica should have 20. The formula asks for 12 replicas; the rate policy allows 4 more
// than the 5 that run. The answer could next change when the period of that policy is over.
func ExampleDecide() {
	policy := &scalers.Policy{
		Min: 1, Max: 20, Idle: scalers.NoIdle,
		Up:       scalers.Behavior{Policies: []scalers.RatePolicy{{Amount: 4, Period: 15 * time.Second}}},
		Triggers: []scalers.Trigger{{Name: "queue", Target: 20_000, StaleAfter: 90 * time.Second}},
	}
	now := scalers.InstantOf(time.Date(2026, time.March, 1, 10, 0, 0, 0, time.UTC))
	event := scalers.Event{Trigger: "queue", At: now, Value: 240_000, Current: 5}

	d := scalers.Decide(policy, scalers.Input{Now: now, Current: 5, Events: []scalers.Event{event}})

	fmt.Println("replicas:", d.Replicas)
	for _, step := range d.Steps() {
		fmt.Printf("%s: from %d to %d: %s\n", step.Rule, step.From, step.To, policy.Sentence(&d, step))
	}
	fmt.Println("limited by:", d.LimitedBy())
	fmt.Println("next:", d.Next.Sub(now))
	// Output:
	// replicas: 9
	// formula: from 5 to 12: queue is 240, target 20 per replica: asks for 12
	// rate: from 12 to 9: limited to 9 instead of 12: scaling up by 4 pods in 15s, from 5 until 10:00:15Z
	// limited by: [rate]
	// next: 15s
}

// The source of the queue fails. Its level is unknown, which is not zero: the workload keeps its 5 replicas, although an empty
// queue would need none.
func ExampleDecide_unknown() {
	policy := &scalers.Policy{
		Min: 1, Max: 20, Idle: scalers.NoIdle,
		Triggers: []scalers.Trigger{{Name: "queue", Target: 20_000}},
	}
	now := scalers.InstantOf(time.Date(2026, time.March, 1, 10, 0, 0, 0, time.UTC))
	failed := scalers.Event{Trigger: "queue", At: now, Err: errSource}

	d := scalers.Decide(policy, scalers.Input{Now: now, Current: 5, Events: []scalers.Event{failed}})

	fmt.Println(policy.Summary(&d))
	// Output: 5 replicas: held, as nothing is known: queue is unknown
}

// After a write that succeeded, the caller applies Scaled: only writes that succeeded count against the rate policies.
func ExampleMemory_Scaled() {
	policy := &scalers.Policy{
		Min: 1, Max: 20, Idle: scalers.NoIdle,
		Up:       scalers.Behavior{Policies: []scalers.RatePolicy{{Amount: 4, Period: 15 * time.Second}}},
		Triggers: []scalers.Trigger{{Name: "queue", Target: 20_000}},
	}
	now := scalers.InstantOf(time.Date(2026, time.March, 1, 10, 0, 0, 0, time.UTC))
	in := scalers.Input{Now: now, Current: 5, Events: []scalers.Event{{Trigger: "queue", At: now, Value: 240_000, Current: 5}}}
	for range 3 {
		d := scalers.Decide(policy, in)
		fmt.Printf("at %s: %d replicas\n", in.Now.Time().Format(time.TimeOnly), d.Replicas)
		in.Memory = d.Memory.Scaled(policy, in.Now, in.Current, d.Replicas)
		in.Current, in.Now = d.Replicas, in.Now.Add(15*time.Second)
	}
	// Output:
	// at 10:00:00: 9 replicas
	// at 10:00:15: 12 replicas
	// at 10:00:30: 12 replicas
}
