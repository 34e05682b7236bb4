package convert

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/convert"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestEqual(t *testing.T) {
	t.Run("a converted object decides as the original", testConvertedObjectDecidesAsOriginal)
}

// ticks is the length of a scenario.
const ticks = 60

// testConvertedObjectDecidesAsOriginal compares converted HPAs and KEDA objects with a reference model of the HPA, tick by tick:
// with a behavior, known readings, at least one replica, the count within the limits and all replicas ready.
func testConvertedObjectDecidesAsOriginal(t *testing.T) {
	changes := 0
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 3))
		hpa := randomHPA(r)
		replicas := *hpa.Spec.MinReplicas + r.Int32N(hpa.Spec.MaxReplicas-*hpa.Spec.MinReplicas+1)
		levels := randomLevels(r, len(hpa.Spec.Metrics))
		reference := newReferenceHPA(&hpa.Spec, replicas)
		var want []int32
		for k := range ticks {
			at := make([]*big.Rat, len(levels))
			for i := range levels {
				at[i] = big.NewRat(levels[i][k], 1000)
			}
			reference.sync(int64(k), at)
			want = append(want, reference.current)
		}
		changes += len(reference.changed)
		so, notes, mistakes := convert.HPA(hpa)
		if len(mistakes) > 0 {
			t.Fatalf("seed %d: %v", seed, mistakes[0])
		}
		objects := map[string]*v1alpha1.ScaledObject{"HPA": so}
		if fromKEDA(hpa) {
			keda := *so.DeepCopy()
			keda.Spec.Advanced.HorizontalPodAutoscalerConfig.Behavior = sameBehavior(t, hpa)
			objects["KEDA"], _ = convert.KEDA(&keda)
		}
		for name, so := range objects {
			if got := countsOf(t, so, replicas, levels); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("seed %d, %s, from %d:\n%+v\nlevels %v\nhere %v\nHPA  %v\nnotes %v", seed, name, replicas, so.Spec, levels, got, want, notes)
			}
		}
	}
	if changes < 10_000 {
		t.Errorf("got %d changes in all scenarios, want 10000 at least", changes)
	}
}

// series is the value of a metric at each tick, in thousandths.
type series []int64

// randomHPA returns an HPA of one to three metrics with a behavior whose windows and periods are whole ticks.
func randomHPA(r *rand.Rand) *autoscalingv2.HorizontalPodAutoscaler {
	least := 1 + r.Int32N(3)
	hpa := &autoscalingv2.HorizontalPodAutoscaler{}
	hpa.Name = "web"
	hpa.Spec = autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"},
		MinReplicas:    &least, MaxReplicas: least + 1 + r.Int32N(40),
		Behavior: &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: randomRules(r), ScaleDown: randomRules(r)},
	}
	for range 1 + r.IntN(3) {
		hpa.Spec.Metrics = append(hpa.Spec.Metrics, randomMetric(r))
	}
	return hpa
}

func randomMetric(r *rand.Rand) autoscalingv2.MetricSpec {
	target := resource.NewMilliQuantity([]int64{500, 1000, 3000, 10_000}[r.IntN(4)], resource.DecimalSI)
	utilization := []int32{30, 50, 100}[r.IntN(3)]
	name := autoscalingv2.MetricIdentifier{Name: "m"}
	external, perPod := autoscalingv2.ExternalMetricSourceType, autoscalingv2.ResourceMetricSourceType
	switch r.IntN(4) {
	case 0:
		return autoscalingv2.MetricSpec{Type: external, External: &autoscalingv2.ExternalMetricSource{Metric: name, Target: autoscalingv2.MetricTarget{Type: "AverageValue", AverageValue: target}}}
	case 1:
		return autoscalingv2.MetricSpec{Type: external, External: &autoscalingv2.ExternalMetricSource{Metric: name, Target: autoscalingv2.MetricTarget{Type: "Value", Value: target}}}
	case 2:
		return autoscalingv2.MetricSpec{Type: perPod, Resource: &autoscalingv2.ResourceMetricSource{Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: "AverageValue", AverageValue: target}}}
	default:
		return autoscalingv2.MetricSpec{Type: perPod, Resource: &autoscalingv2.ResourceMetricSource{Name: corev1.ResourceMemory, Target: autoscalingv2.MetricTarget{Type: "Utilization", AverageUtilization: &utilization}}}
	}
}

// randomRules returns the rules of one direction. Now and then it omits optional fields.
func randomRules(r *rand.Rand) *autoscalingv2.HPAScalingRules {
	if r.IntN(6) == 0 {
		return nil
	}
	rules := &autoscalingv2.HPAScalingRules{}
	if r.IntN(4) > 0 {
		rules.StabilizationWindowSeconds = new([]int32{0, 0, 15, 30, 60, 120}[r.IntN(6)])
	}
	if r.IntN(2) > 0 {
		rules.SelectPolicy = new([]autoscalingv2.ScalingPolicySelect{"Max", "Min", "Max", "Min", "Disabled"}[r.IntN(5)])
	}
	if r.IntN(2) > 0 {
		rules.Tolerance = resource.NewMilliQuantity([]int64{0, 50, 100, 333}[r.IntN(4)], resource.DecimalSI)
	}
	for range r.IntN(3) {
		rules.Policies = append(rules.Policies, autoscalingv2.HPAScalingPolicy{
			Type: []autoscalingv2.HPAScalingPolicyType{"Pods", "Percent"}[r.IntN(2)], Value: []int32{1, 2, 10, 50, 100}[r.IntN(5)], PeriodSeconds: []int32{15, 30, 60}[r.IntN(3)],
		})
	}
	return rules
}

// randomLevels returns the values of n metrics, which are steady for a while, with edges of tolerances among them.
func randomLevels(r *rand.Rand, n int) []series {
	all := make([]series, n)
	for i := range all {
		level := int64(0)
		for range ticks {
			if r.IntN(3) == 0 {
				level = []int64{0, 1000, 900, 1100, 1111, 9_000, 30_000, 27_000, 33_000, 50_000, 110_000, int64(r.IntN(200)) * 1000}[r.IntN(12)]
			}
			all[i] = append(all[i], level)
		}
	}
	return all
}

// sameBehavior returns the HPA's behavior for an object of KEDA, which has the same fields.
func sameBehavior(t *testing.T, hpa *autoscalingv2.HorizontalPodAutoscaler) *v1alpha1.Behavior {
	t.Helper()
	text, err := json.Marshal(hpa.Spec.Behavior)
	if err != nil {
		t.Fatal(err)
	}
	b := &v1alpha1.Behavior{}
	if err := json.Unmarshal(text, b); err != nil {
		t.Fatal(err)
	}
	return b
}

// fromKEDA reports whether all metrics of an HPA are external, as those that KEDA creates for triggers other than cpu and memory.
func fromKEDA(hpa *autoscalingv2.HorizontalPodAutoscaler) bool {
	for i := range hpa.Spec.Metrics {
		if hpa.Spec.Metrics[i].External == nil {
			return false
		}
	}
	return true
}

// countsOf returns the count of a converted object after each tick.
func countsOf(t *testing.T, so *v1alpha1.ScaledObject, replicas int32, levels []series) []int32 {
	t.Helper()
	so.Spec.PollingInterval = new(tick)
	compile.Default(so)
	w, mistakes := compile.Compile(so, builtin.Kinds(), compile.DefaultSettings())
	if len(mistakes) > 0 {
		t.Fatal(mistakes[0])
	}
	start := scalers.InstantOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	scenario := &engine.Scenario{Policy: w.Policy, Start: start, Replicas: replicas}
	for i := range levels {
		runs := make([]engine.Run, ticks)
		for k := range runs {
			runs[k] = engine.Run{First: scalers.Milli(levels[i][k]), Times: 1}
		}
		values := engine.Regular{Ticker: engine.Ticker{Start: start, Interval: time.Duration(tick) * time.Second}, Series: engine.NewSeries(runs...)}
		var feed engine.Feed = values
		if p := &w.Policy.Triggers[i]; p.PerPod {
			feed = engine.Mean{Regular: values, Utilization: p.Metric == scalers.Utilization}
		}
		scenario.Feeds = append(scenario.Feeds, feed)
	}
	counts := make([]int32, ticks)
	for turn := range scenario.Turns(start.Add((ticks - 1) * time.Duration(tick) * time.Second)) {
		k := int(turn.At.Sub(start) / (time.Duration(tick) * time.Second))
		for ; k < ticks; k++ {
			counts[k] = turn.Target.Current
		}
	}
	return counts
}
