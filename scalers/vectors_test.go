package scalers_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestVectors(t *testing.T) {
	t.Run("the core decides what the HPA decides", testCoreDecidesWhatHPADecides)
}

// vector is a decision of the HPA: a policy, what happened before, readings and the expected counts.
type vector struct {
	Name         string          `json:"name"`
	ScaledObject vectorObject    `json:"scaledObject"`
	Replicas     *int32          `json:"replicas"`
	Interval     duration        `json:"interval"`
	StartupDelay duration        `json:"startupDelay"`
	History      []vectorHistory `json:"history"`
	Inputs       []struct {
		Trigger       string      `json:"trigger"`
		Values        string      `json:"values"`
		Pods          []vectorPod `json:"pods"`
		ReadyReplicas string      `json:"readyReplicas"`
		Replicas      *struct {
			At duration `json:"at"`
			To int32    `json:"to"`
		} `json:"replicas"`
	} `json:"inputs"`
	Settings struct {
		CPUInitializationPeriod *duration `json:"cpuInitializationPeriod"`
		InitialReadinessDelay   *duration `json:"initialReadinessDelay"`
	} `json:"settings"`
	Expect []vectorExpectation `json:"expect"`
}

type vectorExpectation struct {
	At       duration `json:"at"`
	Replicas int32    `json:"replicas"`
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
			Type       string            `json:"type"`
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
		b.Tolerance = int64(math.Round(f * 1e6))
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
		Max: spec.Max, Idle: scalers.NoIdle, Cooldown: 300 * time.Second, Created: epoch,
		CPUInitializationPeriod: 300 * time.Second, InitialReadinessDelay: 30 * time.Second,
		Up:   spec.Advanced.HPA.Behavior.ScaleUp.behavior(t),
		Down: spec.Advanced.HPA.Behavior.ScaleDown.behavior(t),
	}
	if d := v.Settings.CPUInitializationPeriod; d != nil {
		p.CPUInitializationPeriod = time.Duration(*d)
	}
	if d := v.Settings.InitialReadinessDelay; d != nil {
		p.InitialReadinessDelay = time.Duration(*d)
	}
	if spec.Min != nil {
		p.Min = *spec.Min
	}
	if p.Min == 0 {
		p.Idle = 0
	}
	for _, tr := range spec.Triggers {
		trigger := scalers.Trigger{Name: tr.Name}
		switch {
		case tr.Type == "cpu" || tr.Type == "memory":
			podTrigger(t, &trigger, tr.Type, tr.MetricType, tr.Metadata["value"])
		case tr.MetricType == "Value":
			trigger.Metric, trigger.Target = scalers.Value, number(t, tr.Metadata["threshold"])
		default:
			trigger.Target = number(t, tr.Metadata["threshold"])
		}
		p.Triggers = append(p.Triggers, trigger)
	}
	return p
}

func testCoreDecidesWhatHPADecides(t *testing.T) {
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
				t.Fatalf("read %s: got %v, want no error", path, err)
			}
			cases++
			t.Run(v.Name, func(t *testing.T) { v.run(t) })
		}
		if err := f.Close(); err != nil || lines.Err() != nil {
			t.Fatal(err, lines.Err())
		}
	}
	if cases != 424 {
		t.Errorf("got %d vectors, want 424", cases)
	}
}

// run plays the vector on a virtual clock: values arrive each interval, writes are applied at once, and another decision is
// taken at each Next.
func (v *vector) run(t *testing.T) {
	w := newWorkload(v.policy(t), v.start())
	w.startup = time.Duration(v.StartupDelay)
	v.addHistory(w)
	interval := time.Duration(v.Interval)
	if interval == 0 {
		interval = 15 * time.Second
	}
	series, pods := make([][]reading, len(w.policy.Triggers)), make([][]vectorPod, len(w.policy.Triggers))
	var ready []reading
	for _, in := range v.Inputs {
		if in.ReadyReplicas != "" {
			ready = expand(t, in.ReadyReplicas)
		}
		for i := range w.policy.Triggers {
			if w.policy.Triggers[i].Name == in.Trigger {
				series[i], pods[i] = expand(t, in.Values), in.Pods
			}
		}
	}
	slices.SortFunc(v.Expect, func(a, b vectorExpectation) int { return cmp.Compare(a.At, b.At) })
	for k := 0; len(v.Expect) > 0; k++ {
		at := time.Duration(k) * interval
		w.runUntil(at)
		v.foreign(w, at-interval, at)
		for i, s := range series {
			w.read(i, at, nth(s, k))
			if pods[i] != nil {
				w.readPods(i, at, podsAt(t, pods[i], epoch.Add(at)))
			}
			if r := nth(ready, k); !r.none {
				w.events[i].Ready = int32(r.value / 1000)
			}
		}
		w.decide(at)
		v.check(t, w, at+interval)
	}
}

// check checks the counts that are expected before the next values arrive.
func (v *vector) check(t *testing.T, w *workload, next time.Duration) {
	t.Helper()
	for len(v.Expect) > 0 && time.Duration(v.Expect[0].At) < next {
		e := v.Expect[0]
		v.Expect = v.Expect[1:]
		w.runUntil(time.Duration(e.At) + 1)
		if e.Replicas != w.current {
			t.Errorf("at %s: got %d replicas, want %d\n%s", time.Duration(e.At), w.current, e.Replicas, w.policy.Summary(&w.last))
		}
	}
}

// start returns the count at t = 0.
func (v *vector) start() int32 {
	if v.Replicas != nil {
		return *v.Replicas
	}
	return max(1, *v.ScaledObject.Spec.Min)
}

// addHistory puts what happened before t = 0 into the memory.
func (v *vector) addHistory(w *workload) {
	if v.History == nil {
		return
	}
	w.memory.Seen = true
	slices.SortFunc(v.History, func(a, b vectorHistory) int { return cmp.Compare(a.At, b.At) })
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

// foreign applies the writes of another client in (after, at].
func (v *vector) foreign(w *workload, after, at time.Duration) {
	for _, in := range v.Inputs {
		if r := in.Replicas; r != nil && time.Duration(r.At) > after && time.Duration(r.At) <= at {
			w.runUntil(time.Duration(r.At))
			w.scale(time.Duration(r.At), r.To)
			if time.Duration(r.At) < at {
				w.decide(time.Duration(r.At))
			}
		}
	}
}
