package simulate

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// Baselines returns the names of the autoscalers that an object can be compared with.
func Baselines() []string { return []string{"hpa", "keda", "constant", "oracle"} }

// Errors of a baseline that cannot be run.
var (
	errUnknownBaseline = errors.New("is no baseline: expected hpa, keda, constant or oracle")
	errNoTarget        = errors.New("needs an object with a trigger of metricType AverageValue that reads the load")
)

// Baseline runs another autoscaler with the limits and the target of an object. The error is the reason why it cannot run on the object.
func Baseline(name string, w *compile.Workload, m *Model, demand []Step) (*Track, error) {
	t := &Track{Name: name}
	least, most := max(w.Policy.Min, 0), w.Policy.Max
	switch name {
	case "oracle":
		t.Wanted = clamp(demand, least, most)
		t.Ready = t.Wanted // The oracle has the load in advance.
		t.Score = score(m, t.Wanted, t.Ready, demand)
		return t, nil
	case "constant":
		t.Wanted = []Step{{m.Load.Start(), peak(clamp(demand, least, most))}}
	case "hpa", "keda":
		target, column, err := firstShared(w, m)
		if err != nil {
			return nil, fmt.Errorf("baseline %s %w", name, err)
		}
		begin := max(least, 1) // An HPA at 0 is paused.
		h := &hpa{min: begin, max: most, target: target, model: m, column: column}
		if name == "keda" {
			h.nullIsZero = true
			h.idle, h.poll = w.Policy.Idle, w.Triggers[0].PollingInterval
			h.cooldown, h.zero = w.Policy.Cooldown, w.Policy.Idle >= 0
			begin = least
		}
		t.Wanted = h.run(m.Load.Start(), m.Load.End(), begin)
	default:
		return nil, fmt.Errorf("%q %w", name, errUnknownBaseline)
	}
	t.finish(m, demand)
	return t, nil
}

// firstShared returns the target and the column of the first trigger that shares the load among the replicas.
func firstShared(w *compile.Workload, m *Model) (scalers.Milli, *Column, error) {
	for i := range w.Policy.Triggers {
		p := &w.Policy.Triggers[i]
		if p.Exact || p.PerPod || p.Metric != scalers.AverageValue {
			continue
		}
		if f, err := feedOf(w, i, m); err == nil {
			if f, ok := f.(*feed); ok {
				return p.Target, f.column, nil
			}
		}
	}
	return 0, nil, errNoTarget
}

// clamp limits counts to a range.
func clamp(steps []Step, least, most int32) []Step {
	var out []Step
	for _, s := range steps {
		n := min(max(s.N, least), most)
		if len(out) == 0 || out[len(out)-1].N != n {
			out = append(out, Step{s.At, n})
		}
	}
	return out
}

// peak returns the highest count.
func peak(steps []Step) int32 {
	var n int32
	for _, s := range steps {
		n = max(n, s.N)
	}
	return n
}

// hpa is the HPA of Kubernetes 1.37 without a behavior, on an external metric with an average value, in floating point as the HPA
// computes; with zero, it is KEDA and its HPA: KEDA itself only scales between the idle count and the minimum.
type hpa struct {
	min, max int32
	target   scalers.Milli
	model    *Model
	column   *Column
	step     time.Duration

	// nullIsZero: an answer without a number counts as 0, as KEDA does by default; the HPA keeps the count.
	nullIsZero     bool
	zero           bool
	idle           int32
	poll, cooldown time.Duration

	count      int32
	lastActive scalers.Instant
	// past has the recommendations of the last stabilization window.
	past []Step
}

// The HPA's own settings, as kube-controller-manager has them.
const (
	hpaTick      = 15 * time.Second
	hpaWindow    = 5 * time.Minute
	hpaTolerance = 0.1
)

// run runs the baseline from start to end, and returns its counts.
func (h *hpa) run(start, end scalers.Instant, begin int32) []Step {
	h.count, h.lastActive = begin, start
	h.past, h.step = []Step{{start, begin}}, h.model.Load.Step()
	steps := []Step{{start, begin}}
	tick, poll := start, start
	for now := start; now < end; now = min(tick, poll) {
		if h.zero && now == poll {
			h.activate(now)
		}
		if now == tick {
			h.sync(now)
			tick = tick.Add(hpaTick)
		}
		poll = scalers.Never
		if h.zero {
			poll = engine.Ticker{Start: start, Interval: h.poll}.Next(now)
		}
		if h.count != steps[len(steps)-1].N {
			steps = append(steps, Step{now, h.count})
		}
	}
	return steps
}

// activate is KEDA's own part at every pollingInterval: up from the idle count at once, down to it after the cooldown, whatever the HPA
// wants. A missing number counts as 0.
func (h *hpa) activate(now scalers.Instant) {
	cell := h.model.Load.cell(h.column, now, max(h.step, h.poll))
	switch {
	case cell.Value > 0:
		h.lastActive = now
		if h.count <= h.idle {
			h.count = h.min
		}
	case now.Sub(h.lastActive) > h.cooldown:
		h.count = h.idle
	}
}

// sync is one tick of the HPA.
func (h *hpa) sync(now scalers.Instant) {
	if h.count == 0 || h.zero && h.count <= h.idle {
		return // An HPA at 0 is paused.
	}
	cell := h.model.Load.cell(h.column, now, max(h.step, hpaTick))
	if cell.Answer != engine.Number && !h.nullIsZero {
		return
	}
	want := h.count
	ratio := float64(cell.Value) / (float64(h.target) * float64(h.count))
	if math.Abs(ratio-1) > hpaTolerance {
		want = int32(math.Min(math.Ceil(float64(cell.Value)/float64(h.target)), math.MaxInt32))
	}
	kept := h.past[:0]
	for _, p := range h.past {
		if now.Sub(p.At) <= hpaWindow {
			kept = append(kept, p)
		}
	}
	h.past = append(kept, Step{now, want})
	want = max(want, peak(h.past))
	h.count = max(min(want, h.max, max(2*h.count, 4)), h.min)
}
