package e2e

import (
	"fmt"
	"strings"
	"testing"
)

func testSourceThatIsDownLeadsToFallback(t *testing.T) {
	e, s := newKEDAEnv(t), newLevelServer(t, 50)
	const fallback = "  maxReplicaCount: 5\n  fallback: {failureThreshold: 3, replicas: 3}\n"
	for _, metric := range []string{"AverageValue", "Value"} {
		name := strings.ToLower(metric)
		e.ApplyDeployment(name, 1)
		e.Apply(polled(name, fallback, "", strings.Replace(s.trigger("a", "5"), "{type:", "{metricType: "+metric+", type:", 1)))
	}
	e.run("--watch-keda")
	for _, c := range []struct {
		level    int64
		want     int32
		fallback string
	}{{50, 5, "False"}, {down, 3, "True"}, {50, 5, "False"}} {
		s.level.Store(c.level)
		for _, name := range []string{"averagevalue", "value"} {
			e.AwaitReplicas(name, c.want)
			e.kedaCondition(name, "Fallback", c.fallback, "")
		}
	}
	s.level.Store(down)
	for _, name := range []string{"averagevalue", "value"} {
		e.AwaitReplicas(name, 3)
		defer e.ExpectReplicas(name, 3)()
	}
	for reads := s.reads.Load() + 8; s.reads.Load() < reads; { // It stays while readings go on to fail.
		e.kedaCondition("value", "Fallback", "True", "")
	}
}

func testSourceThatIsDownFromStartLeadsFromZeroToFallback(t *testing.T) {
	e, s := newKEDAEnv(t), newLevelServer(t, down)
	e.ApplyDeployment("web", 0)
	e.Apply(polled("web", "  maxReplicaCount: 5\n  fallback: {failureThreshold: 1, replicas: 3, behavior: static}\n", "", s.trigger("a", "5")))
	e.run("--watch-keda")
	e.AwaitReplicas("web", 3)
	e.kedaCondition("web", "Fallback", "True", "")
	s.level.Store(0)
	e.AwaitReplicas("web", 0)
	e.kedaCondition("web", "Fallback", "False", "")
}

// The targets are Deployments and custom resources, all at four replicas when their source fails.
func testFallbackBehaviorComparesWithCurrentCount(t *testing.T) {
	e, s := newKEDAEnv(t), newLevelServer(t, 20)
	e.applyFleets()
	want := map[string]int32{"static": 3, "currentReplicas": 4, "currentReplicasIfHigher": 4, "currentReplicasIfLower": 3}
	for behavior := range want {
		name := strings.ToLower(behavior)
		e.ApplyDeployment(name, 0)
		e.applyFleet(name)
		spec := fmt.Sprintf("  maxReplicaCount: 5\n  fallback: {failureThreshold: 1, replicas: 3, behavior: %s}\n", behavior)
		object := polled(name, spec, "", s.trigger("a", "5"))
		e.Apply(object)
		e.Apply(withTarget(object, name, "behaviour.example/v1", "Fleet"))
	}
	e.run("--watch-keda")
	expect := func(fallback string, of func(behavior string) int32) {
		t.Helper()
		for behavior := range want {
			name := strings.ToLower(behavior)
			e.kedaCondition(name, "Fallback", fallback, "")
			e.kedaCondition(name+"-fleet", "Fallback", fallback, "")
			e.AwaitReplicas(name, of(behavior))
			e.awaitScale(fleets, name, of(behavior))
		}
	}
	for behavior := range want {
		e.AwaitReplicas(strings.ToLower(behavior), 4)
		e.awaitScale(fleets, strings.ToLower(behavior), 4)
	}
	s.level.Store(down)
	expect("True", func(behavior string) int32 { return want[behavior] })
	s.level.Store(20)
	expect("False", func(string) int32 { return 4 })
}

// KEDA does not require the targets of inputs. The formulas are those that people write: a sum, and a count of busy sources.
func testFormulaDecidesOverTwoTriggers(t *testing.T) {
	e, a := newKEDAEnv(t), newLevelServer(t, 0)
	inputs := fmt.Sprintf("\n  - {type: metrics-api, name: api, metadata: {url: '%s', valueLocation: waiting}}", a.URL) +
		"\n  - {type: kubernetes-workload, name: pods, metadata: {podSelector: app=jobs}}"
	object := func(name, formula string) string {
		return polled(name, "  maxReplicaCount: 10\n  fallback: {failureThreshold: 3, replicas: 5}\n",
			fmt.Sprintf("scalingModifiers: {formula: '%s', target: '2', activationTarget: '2'}, ", formula), inputs)
	}
	e.ApplyDeployment("jobs", 2)
	for name, formula := range map[string]string{"sum": "api + pods", "busy": "count([pods, api], {# > 1}) > 1 ? 5 : 0"} {
		e.ApplyDeployment(name, 0)
		e.Apply(object(name, formula))
	}
	e.run("--watch-keda")
	for _, name := range []string{"sum", "busy"} {
		e.kedaCondition(name, "Active", "False", "")
		e.kedaCondition(name, "Ready", "True", "")
		if n := e.count(t.Context(), name); n != 0 {
			t.Errorf("got %d replicas of %s at the activation target, want 0", n, name)
		}
	}
	a.level.Store(3)
	e.AwaitReplicas("sum", 3)
	e.AwaitReplicas("busy", 3)
	a.level.Store(down)
	e.AwaitReplicas("sum", 5)
	e.AwaitReplicas("busy", 5)
	e.kedaCondition("sum", "Fallback", "True", "")
	a.level.Store(2)
	e.AwaitReplicas("sum", 2)
	e.AwaitReplicas("busy", 3)
	a.level.Store(0)
	e.AwaitReplicas("sum", 0)
	e.AwaitReplicas("busy", 0)
}
