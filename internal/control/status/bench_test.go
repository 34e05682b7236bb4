package status

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// steady returns a reporter, and an outcome that changes nothing for an object with a name.
func steady() (reporter *Reporter, of func(name string) *autoscaler.Outcome) {
	reporter = New(&store{}, Silent{}, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	now := scalers.InstantOf(time.Now())
	return reporter, func(name string) *autoscaler.Outcome {
		w := &compile.Workload{
			Namespace: "shop", Name: name, Target: actuator.Target{Namespace: "shop", Kind: "Deployment", Name: name},
			Triggers: []compile.Trigger{{Name: "queue"}},
			Policy: &scalers.Policy{Min: 1, Max: 10, Idle: scalers.NoIdle, Triggers: []scalers.Trigger{
				{Name: "queue", Target: 10_000, Continuous: true},
			}},
		}
		reporter.Resume(w, &v1alpha1.ScaledObjectStatus{})
		events := []scalers.Event{{Trigger: "queue", At: now, Value: 30_000, Current: 3, Ready: 3}}
		decision := scalers.Decide(w.Policy, scalers.Input{Now: now, Current: 3, Events: events})
		return &autoscaler.Outcome{
			Workload: w, At: now, Events: events, Arrived: 1, Decision: &decision, Decided: true, Fresh: true, From: 3,
			Target: actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: 3}}, TargetKnown: true, Memory: &decision.Memory,
		}
	}
}

// BenchmarkDecided measures the report of a decision that changes nothing, which is the one of almost every event.
func BenchmarkDecided(b *testing.B) {
	reporter, of := steady()
	outcome := of("web")
	b.ReportAllocs()
	for b.Loop() {
		reporter.Decided(outcome)
	}
}

// byteCount counts the bytes that are written.
type byteCount int

func (c *byteCount) Write(p []byte) (int, error) {
	*c += byteCount(len(p))
	return len(p), nil
}

// BenchmarkScrape measures a scrape of the metrics of 10 000 objects with one trigger each.
func BenchmarkScrape(b *testing.B) {
	reporter, of := steady()
	for i := range 10_000 {
		outcome := of(fmt.Sprintf("web-%d", i))
		reporter.Decided(outcome)
		reporter.Running(outcome.Workload, &running{outcome})
	}
	objects := ObjectMetrics{Leader: func() *Reporter { return reporter }}
	var size byteCount
	b.ReportAllocs()
	for b.Loop() {
		size = 0
		if err := objects.Encode(expfmt.NewEncoder(&size, expfmt.NewFormat(expfmt.TypeTextPlain)).Encode); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)/1e6, "MB/scrape")
}
