package simulate

import (
	"errors"
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Errors of an object that does not fit the load.
var (
	errNoColumn   = errors.New("the load has no column for it")
	errNoCapacity = errors.New("how much of the load one replica can serve is required")
)

// reading is how a trigger reads a load.
type reading uint8

const (
	// whole: the load of all replicas.
	whole reading = iota
	// shared: the load of one ready replica.
	shared
	// perPod: the load and the request of each ready replica, as readings of single pods.
	perPod
)

// feed reads a column of a load.
type feed struct {
	ticker engine.Ticker
	model  *Model
	column *Column
	step   time.Duration
	zeros  triggers.Zeros
	how    reading
}

// feedOf returns the feed of trigger i. It is read at its pollingInterval; a pushed trigger is read as often as the load changes.
func feedOf(w *compile.Workload, i int, m *Model) (engine.Feed, error) {
	t := &w.Triggers[i]
	column := m.Load.Column(t.Name)
	if column == nil {
		column = m.Load.Column("value")
	}
	if column == nil && len(m.Load.Columns) == 1 {
		column = &m.Load.Columns[0]
	}
	if column == nil {
		return nil, fmt.Errorf("trigger %s: %w", t.Name, errNoColumn)
	}
	f := &feed{model: m, column: column, step: m.Load.Step()}
	f.ticker = engine.Ticker{Start: m.Load.Start(), Interval: t.PollingInterval}
	if t.Kind.Push {
		f.ticker.Interval = f.step
	}
	f.step = max(f.step, f.ticker.Interval)
	if lenient, ok := t.Config.(triggers.Lenient); ok {
		f.zeros = lenient.Zeros()
	}
	switch policy := &w.Policy.Triggers[i]; {
	case policy.PerPod:
		f.how = perPod
	case policy.Metric == scalers.Value:
		f.how = shared
	}
	return f, nil
}

// Next returns when the load is read next.
func (f *feed) Next(t scalers.Instant) scalers.Instant { return f.ticker.Next(t) }

// Read returns the load at an instant, as the trigger reads it.
func (f *feed) Read(t scalers.Instant, target engine.Target) (scalers.Event, bool) {
	cell := f.model.Load.cell(f.column, t, f.step)
	if cell.Answer == engine.Number && f.how != whole {
		return f.part(t, cell.Value, target)
	}
	return cell.Answer.Event(cell.Value, f.zeros)
}

// part returns the load of single replicas. Without a ready replica it is the load of one.
func (f *feed) part(t scalers.Instant, load scalers.Milli, target engine.Target) (scalers.Event, bool) {
	n := scalers.Milli(max(target.Ready, 1))
	part := load / n
	if f.how == shared {
		return scalers.Event{Value: part}, true
	}
	e := scalers.Event{PerPod: true, Pods: make([]scalers.Pod, 0, target.Current)}
	for i := range target.Current {
		pod := scalers.Pod{HasRequest: true, Request: f.model.Capacity, Started: 1, ReadyChanged: 1, SampledAt: t, Window: time.Minute}
		if i < target.Ready {
			pod.Sampled, pod.Usage = true, part
		} else {
			pod.NotReady = true
		}
		e.Pods = append(e.Pods, pod)
	}
	return e, true
}
