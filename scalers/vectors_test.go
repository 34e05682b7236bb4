package scalers_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// vector is one case of what the HPA decides: a policy, what happened before, readings and the expected counts.
type vector struct {
	Name         string          `json:"name"`
	ScaledObject vectorObject    `json:"scaledObject"`
	Replicas     *int32          `json:"replicas"`
	Interval     duration        `json:"interval"`
	History      []vectorHistory `json:"history"`
	Inputs       []struct {
		Trigger       string `json:"trigger"`
		Values        string `json:"values"`
		ReadyReplicas string `json:"readyReplicas"`
		Replicas      *struct {
			At duration `json:"at"`
			To int32    `json:"to"`
		} `json:"replicas"`
	} `json:"inputs"`
	Expect []struct {
		At       duration `json:"at"`
		Replicas int32    `json:"replicas"`
	} `json:"expect"`
}

type vectorHistory struct {
	At          duration `json:"at"`
	Recommended *int32   `json:"recommended"`
	Change      *int32   `json:"change"`
	LastActive  bool     `json:"lastActive"`
}

type vectorObject struct {
	Spec struct {
		Min      *int32 `json:"minReplicaCount"`
		Max      int32  `json:"maxReplicaCount"`
		Advanced struct {
			HPA struct {
				Behavior struct {
					ScaleUp   side `json:"scaleUp"`
					ScaleDown side `json:"scaleDown"`
				} `json:"behavior"`
			} `json:"horizontalPodAutoscalerConfig"`
		} `json:"advanced"`
		Triggers []struct {
			Name       string            `json:"name"`
			MetricType string            `json:"metricType"`
			Metadata   map[string]string `json:"metadata"`
		} `json:"triggers"`
	} `json:"spec"`
}

type side struct {
	Window    int64  `json:"stabilizationWindowSeconds"`
	Select    string `json:"selectPolicy"`
	Tolerance string `json:"tolerance"`
	Policies  []struct {
		Type          string `json:"type"`
		Value         int32  `json:"value"`
		PeriodSeconds int64  `json:"periodSeconds"`
	} `json:"policies"`
}

type duration time.Duration

func (d *duration) UnmarshalJSON(text []byte) error {
	parsed, err := time.ParseDuration(strings.Trim(string(text), `"`))
	*d = duration(parsed)
	return err
}

func (s side) behavior(t *testing.T) scalers.Behavior {
	t.Helper()
	b := scalers.Behavior{Window: time.Duration(s.Window) * time.Second, Tolerance: 100_000}
	if s.Tolerance != "" {
		f, err := strconv.ParseFloat(s.Tolerance, 64)
		if err != nil {
			t.Fatal(err)
		}
		b.Tolerance = int64(f*1e6 + 0.5)
	}
	b.Select = map[string]scalers.Select{"": scalers.Max, "Max": scalers.Max, "Min": scalers.Min, "Disabled": scalers.Disabled}[s.Select]
	for _, r := range s.Policies {
		b.Policies = append(b.Policies, scalers.RatePolicy{
			Percent: r.Type == "Percent", Amount: r.Value, Period: time.Duration(r.PeriodSeconds) * time.Second,
		})
	}
	return b
}

func (v *vector) policy(t *testing.T) *scalers.Policy {
	t.Helper()
	spec := v.ScaledObject.Spec
	p := &scalers.Policy{
		Max: spec.Max, Rest: scalers.NoRest, Cooldown: 300 * time.Second, Created: epoch,
		Up:   spec.Advanced.HPA.Behavior.ScaleUp.behavior(t),
		Down: spec.Advanced.HPA.Behavior.ScaleDown.behavior(t),
	}
	if spec.Min != nil {
		p.Min = *spec.Min
	}
	if p.Min == 0 {
		p.Rest = 0
	}
	for _, tr := range spec.Triggers {
		target, err := scalers.ParseMilli(tr.Metadata["threshold"])
		if err != nil {
			t.Fatal(err)
		}
		trigger := scalers.Trigger{Name: tr.Name, Target: target}
		if tr.MetricType == "Value" {
			trigger.Metric = scalers.Value
		}
		p.Triggers = append(p.Triggers, trigger)
	}
	return p
}

// epoch is the virtual clock's t = 0.
var epoch = scalers.InstantOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

func TestDecidesWhatTheHPADecides(t *testing.T) {
	paths, err := filepath.Glob("testdata/vectors/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("no vectors", err)
	}
	cases := 0
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			text, ok := strings.CutPrefix(lines.Text(), "- ")
			if !ok {
				continue
			}
			var v vector
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			cases++
			t.Run(v.Name, func(t *testing.T) { v.run(t) })
		}
		if err := f.Close(); err != nil || lines.Err() != nil {
			t.Fatal(err, lines.Err())
		}
	}
	if cases < 300 {
		t.Errorf("only %d cases were found", cases)
	}
}

// run drives the case on a virtual clock: values arrive each interval, writes are applied at once, and the core is asked
// again at each Next.
func (v *vector) run(t *testing.T) {
	w := newWorkload(v.policy(t), v.start())
	v.remember(w)
	interval := time.Duration(v.Interval)
	if interval == 0 {
		interval = 15 * time.Second
	}
	series := make([][]reading, len(w.policy.Triggers))
	var ready []reading
	for _, in := range v.Inputs {
		if in.ReadyReplicas != "" {
			ready = expand(t, in.ReadyReplicas)
		}
		for i := range w.policy.Triggers {
			if w.policy.Triggers[i].Name == in.Trigger {
				series[i] = expand(t, in.Values)
			}
		}
	}
	end := time.Duration(0)
	for _, e := range v.Expect {
		end = max(end, time.Duration(e.At))
	}
	for k := 0; ; k++ {
		at := time.Duration(k) * interval
		if at > end {
			break
		}
		w.runUntil(at - 1)
		v.foreign(w, at-interval, at)
		w.ready = at2(ready, k, w.current)
		for i, s := range series {
			if len(s) > 0 {
				w.read(i, at, s[min(k, len(s)-1)])
			}
		}
		w.decide(at)
		for _, e := range v.Expect {
			if time.Duration(e.At) == at && e.Replicas != w.current {
				t.Errorf("at %s: %d replicas, expected %d\n%s", at, w.current, e.Replicas, w.policy.Summary(&w.last))
			}
		}
	}
}

// start is the count at t = 0.
func (v *vector) start() int32 {
	if v.Replicas != nil {
		return *v.Replicas
	}
	return max(1, *v.ScaledObject.Spec.Min)
}

// remember puts what happened before t = 0 into the memory.
func (v *vector) remember(w *workload) {
	if v.History == nil {
		return
	}
	w.memory.Seen = true
	slices.SortFunc(v.History, func(a, b vectorHistory) int { return int(a.At - b.At) })
	for _, h := range v.History {
		at := epoch.Add(time.Duration(h.At))
		if h.Recommended != nil {
			w.memory = w.memory.Recommended(w.policy, at, *h.Recommended)
		}
		if h.Change != nil {
			w.memory = w.memory.Scaled(w.policy, at, 0, *h.Change)
		}
		if h.LastActive {
			w.memory.LastActive = at
		}
	}
}

// foreign applies what somebody else wrote in (after, at].
func (v *vector) foreign(w *workload, after, at time.Duration) {
	for _, in := range v.Inputs {
		if r := in.Replicas; r != nil && time.Duration(r.At) > after && time.Duration(r.At) <= at {
			w.current = r.To
		}
	}
}

// at2 is the k-th ready count, or the current one when none is given.
func at2(ready []reading, k int, current int32) int32 {
	if len(ready) == 0 {
		return current
	}
	return int32(ready[min(k, len(ready)-1)].value / 1000)
}

// reading is one value of a series: none, a failure, or a level.
type reading struct {
	none, failed bool
	value        scalers.Milli
}

// expand reads promtool's notation: ax3 is a four times, a+bx3 is a, a+b, a+2b, a+3b.
func expand(t *testing.T, text string) []reading {
	t.Helper()
	var all []reading
	for _, field := range strings.Fields(text) {
		switch field {
		case "_":
			all = append(all, reading{none: true})
			continue
		case "err", "stale", "nan":
			all = append(all, reading{failed: true})
			continue
		}
		base, times, _ := strings.Cut(field, "x")
		repeat, _ := strconv.Atoi(times)
		start, step, _ := strings.Cut(base, "+")
		first, err := scalers.ParseMilli(start)
		if err != nil {
			t.Fatal(err)
		}
		var by scalers.Milli
		if step != "" {
			if by, err = scalers.ParseMilli(step); err != nil {
				t.Fatal(err)
			}
		}
		for k := range repeat + 1 {
			all = append(all, reading{value: first + by*scalers.Milli(k)})
		}
	}
	return all
}

// workload is a target on a virtual clock, whose writes are applied at once.
type workload struct {
	policy  *scalers.Policy
	current int32
	ready   int32
	events  []scalers.Event
	memory  scalers.Memory
	last    scalers.Decision
	writes  int
}

func newWorkload(p *scalers.Policy, replicas int32) *workload {
	w := &workload{policy: p, current: replicas, ready: replicas, events: make([]scalers.Event, len(p.Triggers))}
	w.last.Next = scalers.Never
	return w
}

// read gives trigger i a new reading at t.
func (w *workload) read(i int, t time.Duration, r reading) {
	if r.none {
		return
	}
	e := scalers.Event{Trigger: w.policy.Triggers[i].Name, At: epoch.Add(t), Value: r.value, Ready: w.ready, Current: w.current}
	if r.failed {
		e.Err = fmt.Errorf("source failed")
	}
	w.events[i] = e
}

// decide decides at t and applies the answer.
func (w *workload) decide(t time.Duration) {
	now := epoch.Add(t)
	w.last = scalers.Decide(w.policy, scalers.Input{Now: now, Current: w.current, Events: w.events, Memory: w.memory})
	w.memory = w.last.Memory
	if w.last.Replicas != w.current {
		w.memory = w.memory.Scaled(w.policy, now, w.current, w.last.Replicas)
		w.current = w.last.Replicas
		w.writes++
	}
}

// runUntil decides at every Next up to t, t included.
func (w *workload) runUntil(t time.Duration) {
	for w.last.Next <= epoch.Add(t) {
		w.decide(w.last.Next.Sub(epoch))
	}
}
