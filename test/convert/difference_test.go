package convert

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/convert"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestDifference(t *testing.T) {
	t.Run("pods without a sample count as for an HPA", testPodsWithoutSampleCountAsForHPA)
	t.Run("pods that are being deleted differ as documented", testPodsThatAreBeingDeletedDifferAsDocumented)
	t.Run("counted failures differ as documented", testCountedFailuresDifferAsDocumented)
}

// podsProposal returns the proposal of an HPA for a metric of single pods. A pod without a sample, nil, counts as one at the target on
// the way down, and as one at 0 on the way up. The tolerance is 0.1.
func podsProposal(samples []*big.Rat, target *big.Rat) int32 {
	current := int32(len(samples))
	mean := func(missing *big.Rat) *big.Rat {
		sum, n := new(big.Rat), int64(0)
		for _, s := range samples {
			if s == nil {
				s = missing
			}
			if s != nil {
				sum.Add(sum, s)
				n++
			}
		}
		thousandths := floor(new(big.Rat).Mul(sum.Quo(sum, big.NewRat(n, 1)), big.NewRat(1000, 1)))
		return new(big.Rat).Quo(rational(int64(thousandths)), target)
	}
	one := big.NewRat(1, 1)
	ratio := mean(nil)
	if first := ratio.Cmp(one); slices.Contains(samples, nil) && first != 0 {
		missing := target
		if first > 0 {
			missing = new(big.Rat)
		}
		ratio = mean(missing)
		if ratio.Cmp(one) == -first {
			return current
		}
	}
	if ratio.Cmp(big.NewRat(9, 10)) >= 0 && ratio.Cmp(big.NewRat(11, 10)) <= 0 {
		return current
	}
	return ceil(ratio.Mul(ratio, big.NewRat(int64(current), 1)))
}

// podsHPA returns an HPA on a metric of single pods, without windows and with a wide policy.
func podsHPA(target int64, least, most int32) *autoscalingv2.HorizontalPodAutoscaler {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{}
	hpa.Name = "web"
	free := &autoscalingv2.HPAScalingRules{
		StabilizationWindowSeconds: new(int32(0)), Policies: []autoscalingv2.HPAScalingPolicy{{Type: "Percent", Value: 1000, PeriodSeconds: 15}},
	}
	hpa.Spec = autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"},
		MinReplicas:    &least, MaxReplicas: most, Behavior: &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: free, ScaleDown: free},
		Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.PodsMetricSourceType, Pods: &autoscalingv2.PodsMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: "requests"},
			Target: autoscalingv2.MetricTarget{Type: "AverageValue", AverageValue: resource.NewMilliQuantity(target, resource.DecimalSI)},
		}}},
	}
	return hpa
}

// A metric of single pods is converted to kubernetes-pods. The proposal is that of an HPA, also with pods that have no sample.
func testPodsWithoutSampleCountAsForHPA(t *testing.T) {
	const target, at = 10_000, scalers.Instant(time.Hour)
	so, _, mistakes := convert.HPA(podsHPA(target, 1, 100))
	if len(mistakes) > 0 {
		t.Fatal(mistakes[0])
	}
	compile.Default(so)
	w, mistakes := compile.Compile(so, builtin.Kinds(), compile.DefaultSettings())
	if len(mistakes) > 0 {
		t.Fatal(mistakes[0])
	}
	withMissing := 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 5))
		samples := make([]*big.Rat, 1+r.IntN(12))
		reading := scalers.Event{At: at, Current: int32(len(samples)), PerPod: true, Pods: make([]scalers.Pod, len(samples))}
		load, missing := r.Int64N(25_000), 0
		for i := range samples {
			if i > 0 && seed%2 == 0 && r.IntN(4) == 0 {
				missing++
				continue
			}
			sample := load + r.Int64N(1000)
			samples[i] = rational(sample)
			reading.Pods[i] = scalers.Pod{Sampled: true, Usage: scalers.Milli(sample), SampledAt: at}
		}
		if missing > 0 {
			withMissing++
		}
		want, got := podsProposal(samples, rational(target)), w.Policy.Propose(0, &reading, at).Replicas
		if got != want {
			t.Fatalf("seed %d: %d pods, %d without a sample: got %d, and an HPA wants %d", seed, len(samples), missing, got, want)
		}
	}
	if withMissing < 1000 {
		t.Errorf("got %d scenarios with a pod without a sample, want 1000 at least", withMissing)
	}
}

// With two of four ready pods being deleted, an HPA multiplies a Value by four, and Impulse by two: the actuator does not count pods
// that are being deleted.
func testPodsThatAreBeingDeletedDifferAsDocumented(t *testing.T) {
	hpa := podsHPA(1000, 1, 100)
	hpa.Spec.Metrics = []autoscalingv2.MetricSpec{{Type: autoscalingv2.ExternalMetricSourceType, External: &autoscalingv2.ExternalMetricSource{
		Metric: autoscalingv2.MetricIdentifier{Name: "latency"},
		Target: autoscalingv2.MetricTarget{Type: "Value", Value: resource.NewQuantity(1, resource.DecimalSI)},
	}}}
	so, notes, mistakes := convert.HPA(hpa)
	if len(mistakes) > 0 {
		t.Fatal(mistakes[0])
	}
	wantNote(t, notes, "spec.metrics[0].external.target.value", "1.5 times the target with 2 of them and 2 others is 6 (here it is 3)")
	compile.Default(so)
	w, mistakes := compile.Compile(so, builtin.Kinds(), compile.DefaultSettings())
	if len(mistakes) > 0 {
		t.Fatal(mistakes[0])
	}
	for ready, want := range map[int32]int32{4: 6, 2: 3} {
		reading := scalers.Event{At: 1, Value: 1500, Ready: ready, Current: 2}
		if q := w.Policy.Propose(0, &reading, 1); q.Replicas != want {
			t.Errorf("with %d ready pods the converted object asks for %d, want %d", ready, q.Replicas, want)
		}
	}
}

// wantNote fails the test if no note on field contains text.
func wantNote(t *testing.T, notes []diag.Error, field, text string) {
	t.Helper()
	for _, n := range notes {
		if n.Field == field && strings.Contains(n.Error(), text) {
			return
		}
	}
	t.Fatalf("no note on %s contains %q; got %v", field, text, notes)
}

// kedaFallbackAfter returns the time from the first failure of a source that keeps failing to the fallback of KEDA, in seconds: its HPA
// requests the metric at each tick, and each failure counts.
func kedaFallbackAfter(threshold int32) int32 {
	for failures, at := int32(0), int32(0); ; at += tick {
		if failures++; failures > threshold {
			return at
		}
	}
}

// withFallback returns one of KEDA's objects, whose fallback is four replicas.
func withFallback(threshold, polling int32) *v1alpha1.ScaledObject {
	old := &v1alpha1.ScaledObject{}
	old.Name = "web"
	old.Spec.ScaleTargetRef.Name = "web"
	old.Spec.PollingInterval, old.Spec.MinReplicaCount, old.Spec.MaxReplicaCount = &polling, new(int32(2)), new(int32(10))
	old.Spec.Fallback = &v1alpha1.Fallback{FailureThreshold: threshold, Replicas: 4}
	old.Spec.Triggers = []v1alpha1.Trigger{{Type: "prometheus", Name: "rps", Metadata: map[string]v1alpha1.Scalar{
		"serverAddress": "http://prometheus:9090", "query": "rps", "threshold": "10",
	}}}
	return old
}

// KEDA counts the requests of its HPA, every 15 s; Impulse counts readings. Both fall back after the same number of failures, at the
// intervals that the note names.
func testCountedFailuresDifferAsDocumented(t *testing.T) {
	for _, polling := range []int32{5, tick, 30, 60} {
		for threshold := range int32(5) {
			so, notes := convert.KEDA(withFallback(threshold, polling))
			wantNote(t, notes, "spec.fallback.failureThreshold", fmt.Sprintf("here each reading counts, every pollingInterval: %d s", polling))
			theirs := kedaFallbackAfter(threshold)
			ours := fallbackAfter(t, so, time.Duration(polling)*time.Second)
			if theirs != threshold*tick || ours != time.Duration(threshold*polling)*time.Second {
				t.Errorf("threshold %d, polled every %d s: KEDA falls back after %d s, Impulse after %s", threshold, polling, theirs, ours)
			}
			if same := ours == time.Duration(theirs)*time.Second; same != (polling == tick || threshold == 0) {
				t.Errorf("threshold %d, polled every %d s: the same: %t", threshold, polling, same)
			}
		}
	}
}

// fallbackAfter makes the source of an object fail after one reading, and returns the time from the first failure to its fallback.
func fallbackAfter(t *testing.T, so *v1alpha1.ScaledObject, interval time.Duration) time.Duration {
	t.Helper()
	compile.Default(so)
	w, mistakes := compile.Compile(so, builtin.Kinds(), compile.DefaultSettings())
	if len(mistakes) > 0 {
		t.Fatal(mistakes[0])
	}
	start := scalers.InstantOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	readings := engine.NewSeries(engine.Run{First: 20_000, Times: 1}, engine.Run{Answer: engine.Failed, Times: 20})
	scenario := &engine.Scenario{Policy: w.Policy, Start: start, Replicas: 2, Feeds: []engine.Feed{
		engine.Regular{Ticker: engine.Ticker{Start: start, Interval: interval}, Series: readings},
	}}
	for turn := range scenario.Turns(start.Add(20 * interval)) {
		if turn.Target.Current == 4 {
			return turn.At.Sub(start) - interval
		}
	}
	t.Fatal("got no fallback within 20 intervals")
	return 0
}
