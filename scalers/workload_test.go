package scalers_test

import (
	"errors"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// epoch is the virtual clock's t = 0.
var epoch = scalers.InstantOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

// errSource is the error of a failing source.
var errSource = errors.New("connection refused")

// reading is one value of a series: none, a failure, or a level.
type reading struct {
	none, failed bool
	value        scalers.Milli
}

// workload is a target on a virtual clock. Its decisions are written at once, and another one is taken at each Next.
type workload struct {
	policy  *scalers.Policy
	current int32
	events  []scalers.Event
	memory  scalers.Memory
	last    scalers.Decision
	// writes counts the changes of the count by the policy.
	writes int
	// startup is how long a new replica takes to become ready; counts are those that were, by when they began.
	startup time.Duration
	counts  []count
	// decided is called after each decision.
	decided func(t time.Duration)
}

// count is a number of replicas, and since when.
type count struct {
	from time.Duration
	n    int32
}

func newWorkload(p *scalers.Policy, replicas int32) *workload {
	w := &workload{policy: p, current: replicas, events: make([]scalers.Event, len(p.Triggers)), decided: func(time.Duration) {}}
	w.counts = []count{{from: -time.Hour, n: replicas}}
	w.last.Next = scalers.Never
	return w
}

// ready returns the number of replicas that have existed for startup.
func (w *workload) ready(t time.Duration) int32 {
	least := w.current
	for _, c := range slices.Backward(w.counts) {
		least = min(least, c.n)
		if c.from <= t-w.startup {
			break
		}
	}
	return least
}

// scale changes the count.
func (w *workload) scale(t time.Duration, n int32) {
	w.current = n
	w.counts = append(w.counts, count{from: t, n: n})
}

// read gives trigger i a new reading at t.
func (w *workload) read(i int, t time.Duration, r reading) {
	if r.none {
		return
	}
	w.events[i] = scalers.Event{
		Trigger: w.policy.Triggers[i].Name, At: epoch.Add(t), Value: r.value, Ready: w.ready(t), Current: w.current,
	}
	if r.failed {
		w.events[i].Err = errSource
	}
}

// readPods gives trigger i a reading of single pods at t.
func (w *workload) readPods(i int, t time.Duration, pods []scalers.Pod) {
	w.events[i] = scalers.Event{
		Trigger: w.policy.Triggers[i].Name, At: epoch.Add(t), Ready: w.ready(t), Current: w.current, PerPod: true, Pods: pods,
	}
}

// decide decides at t and writes the answer.
func (w *workload) decide(t time.Duration) {
	now := epoch.Add(t)
	w.last = scalers.Decide(w.policy, scalers.Input{Now: now, Current: w.current, Events: w.events, Memory: w.memory})
	w.memory = w.last.Memory
	w.decided(t)
	if w.last.Replicas != w.current {
		w.memory = w.memory.Scaled(w.policy, now, w.current, w.last.Replicas)
		w.scale(t, w.last.Replicas)
		w.writes++
	}
}

// runUntil decides at every Next before t.
func (w *workload) runUntil(t time.Duration) {
	for w.last.Next < epoch.Add(t) {
		w.decide(w.last.Next.Sub(epoch))
	}
}
