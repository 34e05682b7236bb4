package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestKEDABehaviour has what users of KEDA rely on, with objects of KEDA.
func TestKEDABehaviour(t *testing.T) {
	t.Parallel()
	t.Run("idle jumps to the minimum and back", testIdleJumpsToMinimumAndBack)
	t.Run("a source that is down leads to the fallback until it is back", testSourceThatIsDownLeadsToFallback)
	t.Run("a formula decides over two triggers", testFormulaDecidesOverTwoTriggers)
	t.Run("annotations pause under load", testAnnotationsPauseUnderLoad)
	t.Run("a trigger is added to a live object and removed", testTriggerIsAddedToLiveObjectAndRemoved)
	t.Run("an unreachable source stops no other object", testUnreachableSourceStopsNoOtherObject)
}

// levelServer is a server with one level, which a trigger of type metrics-api polls.
type levelServer struct {
	*httptest.Server
	level atomic.Int64
}

// down is the level of a source that answers with errors.
const down = -1

func newLevelServer(t *testing.T, level int64) *levelServer {
	t.Helper()
	s := &levelServer{}
	s.level.Store(level)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		level := s.level.Load()
		if level == down {
			http.Error(w, "down", http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `{"waiting": %d}`, level)
	}))
	t.Cleanup(s.Close)
	return s
}

// trigger returns a trigger for the level, with a target and a name.
func (s *levelServer) trigger(name, target string) string {
	return fmt.Sprintf("\n  - {type: metrics-api, name: %s, metadata: {url: '%s', valueLocation: waiting, targetValue: '%s'}}", name, s.URL, target)
}

// polled is an object of KEDA that polls every second and scales down at once. spec has further fields, each with a comma after it.
func polled(name, spec, advanced string, triggers ...string) string {
	const now = "horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}"
	return fmt.Sprintf(`
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: %[1]s}
spec:
  scaleTargetRef: {name: %[1]s}
  pollingInterval: 1
  cooldownPeriod: 1
%[2]s  advanced: {%[3]s%[4]s}
  triggers:%[5]s
`, name, spec, advanced, now, strings.Join(triggers, ""))
}

// annotate sets or removes annotations of an object of KEDA.
func (e *env) annotate(name string, annotations ...string) {
	e.t.Helper()
	if out, err := e.Kubectl(e.t.Context(), "", append([]string{"annotate", "scaledobjects.keda.sh", name}, annotations...)...); err != nil {
		e.t.Fatal(err, out)
	}
}

func testIdleJumpsToMinimumAndBack(t *testing.T) {
	e, s := newKEDAEnv(t), newLevelServer(t, 2)
	e.ApplyDeployment("web", 0)
	e.Apply(polled("web", "  idleReplicaCount: 0\n  minReplicaCount: 2\n  maxReplicaCount: 4\n", "", s.trigger("a", "1")))
	e.run("--watch-keda")
	e.AwaitReplicas("web", 2)
	s.level.Store(4)
	e.AwaitReplicas("web", 4)
	s.level.Store(0)
	e.AwaitReplicas("web", 0)
}

func testSourceThatIsDownLeadsToFallback(t *testing.T) {
	e, s := newKEDAEnv(t), newLevelServer(t, 50)
	e.ApplyDeployment("web", 1)
	e.Apply(polled("web", "  maxReplicaCount: 5\n  fallback: {failureThreshold: 3, replicas: 3}\n", "", s.trigger("a", "5")))
	e.run("--watch-keda")
	e.AwaitReplicas("web", 5)
	s.level.Store(down)
	e.AwaitReplicas("web", 3)
	e.kedaCondition("web", "Fallback", "True", "")
	s.level.Store(50)
	e.AwaitReplicas("web", 5)
	e.kedaCondition("web", "Fallback", "False", "")
}

func testFormulaDecidesOverTwoTriggers(t *testing.T) {
	e, a, b := newKEDAEnv(t), newLevelServer(t, 0), newLevelServer(t, 2)
	e.ApplyDeployment("web", 0)
	e.Apply(polled("web", "  maxReplicaCount: 5\n  fallback: {failureThreshold: 3, replicas: 4}\n",
		"scalingModifiers: {formula: a + b, target: '2', activationTarget: '2'}, ", a.trigger("a", "1"), b.trigger("b", "1")))
	e.run("--watch-keda")
	e.kedaCondition("web", "Active", "False", "")
	e.kedaCondition("web", "Ready", "True", "")
	if n := e.count(t.Context(), "web"); n != 0 {
		t.Errorf("got %d replicas at the activation target, want 0", n)
	}
	a.level.Store(3)
	e.AwaitReplicas("web", 3)
	b.level.Store(down)
	e.AwaitReplicas("web", 4)
}

func testAnnotationsPauseUnderLoad(t *testing.T) {
	e, s := newKEDAEnv(t), newLevelServer(t, 4)
	e.ApplyDeployment("web", 0)
	e.Apply(polled("web", "  maxReplicaCount: 4\n", "", s.trigger("a", "1")))
	e.annotate("web", "autoscaling.keda.sh/paused-replicas=0")
	e.run("--watch-keda")
	e.kedaCondition("web", "Paused", "True", "")
	e.kedaCondition("web", "Ready", "True", "")
	if n := e.count(t.Context(), "web"); n != 0 {
		t.Errorf("got %d replicas of an object that is paused at 0, want 0", n)
	}
	e.annotate("web", "autoscaling.keda.sh/paused-replicas-")
	e.AwaitReplicas("web", 4)
	e.annotate("web", "autoscaling.keda.sh/paused-scale-in=true")
	e.kedaCondition("web", "Paused", "True", "paused-scale-in")
	s.level.Store(1)
	e.kedaCondition("web", "Ready", "True", "")
	stop := e.ExpectReplicas("web", 4)
	e.annotate("web", "autoscaling.keda.sh/paused=true", "autoscaling.keda.sh/paused-scale-in-")
	e.kedaCondition("web", "Paused", "True", "the annotation autoscaling.keda.sh/paused keeps")
	stop()
	e.annotate("web", "autoscaling.keda.sh/paused-")
	e.AwaitReplicas("web", 1)
}

func testTriggerIsAddedToLiveObjectAndRemoved(t *testing.T) {
	e, a, b := newKEDAEnv(t), newLevelServer(t, 2), newLevelServer(t, 8)
	e.ApplyDeployment("web", 1)
	one := polled("web", "  maxReplicaCount: 10\n", "", a.trigger("a", "1"))
	e.Apply(one)
	e.run("--watch-keda")
	e.AwaitReplicas("web", 2)
	e.Apply(polled("web", "  maxReplicaCount: 10\n", "", a.trigger("a", "1"), b.trigger("b", "2")))
	e.AwaitReplicas("web", 4)
	e.Apply(one)
	e.AwaitReplicas("web", 2)
}

func testUnreachableSourceStopsNoOtherObject(t *testing.T) {
	e, broken, healthy := newKEDAEnv(t), newLevelServer(t, down), newLevelServer(t, 4)
	for _, name := range []string{"bad", "good"} {
		e.ApplyDeployment(name, 2)
	}
	e.Apply(polled("bad", "  maxReplicaCount: 4\n", "", broken.trigger("a", "1")))
	e.Apply(polled("good", "  maxReplicaCount: 4\n", "", healthy.trigger("a", "1")))
	e.run("--watch-keda")
	stop := e.ExpectReplicas("bad", 2)
	e.kedaCondition("bad", "Ready", "False", "500")
	for _, n := range []int32{4, 2, 0} {
		healthy.level.Store(int64(n))
		e.AwaitReplicas("good", n)
	}
	stop()
}
