package status

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// BenchmarkDecided measures the report of a decision that changes nothing, which is the one of almost every event.
func BenchmarkDecided(b *testing.B) {
	reporter := New(&store{}, Silent{}, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	w := &compile.Workload{
		Namespace: "shop", Name: "web", Target: actuator.Target{Namespace: "shop", Kind: "Deployment", Name: "web"},
		Triggers: []compile.Trigger{{Name: "queue"}},
		Policy: &scalers.Policy{Min: 1, Max: 10, Idle: scalers.NoIdle, Triggers: []scalers.Trigger{
			{Name: "queue", Target: 10_000, Continuous: true},
		}},
	}
	reporter.Resume(w, &v1alpha1.ScaledObjectStatus{})
	now := scalers.InstantOf(time.Now())
	events := []scalers.Event{{Trigger: "queue", At: now, Value: 30_000, Current: 3, Ready: 3}}
	decision := scalers.Decide(w.Policy, scalers.Input{Now: now, Current: 3, Events: events})
	b.ReportAllocs()
	for b.Loop() {
		reporter.Decided(&autoscaler.Outcome{
			Workload: w, At: now, Events: events, Arrived: 1, Decision: &decision, Decided: true, Fresh: true, From: 3,
			Target: actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: 3}}, TargetKnown: true, Memory: &decision.Memory,
		})
	}
}
