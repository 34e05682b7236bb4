package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

// TestKEDABehaviour has what users of KEDA rely on, with objects of KEDA. docs/keda.md lists the behaviors and these tests.
func TestKEDABehaviour(t *testing.T) {
	t.Parallel()
	t.Run("intervals and cooldowns of minutes are respected, on a virtual clock", testIntervalsOfMinutesAreRespected)
	t.Run("a source is read once per polling interval", testSourceIsReadOncePerPollingInterval)
	t.Run("the cooldown keeps the last replica", testCooldownKeepsLastReplica)
	t.Run("a cached number is used until the polling interval is over", testCachedNumberIsUsedUntilPollingIntervalIsOver)
	t.Run("idle jumps to the minimum and back", testIdleJumpsToMinimumAndBack)
	t.Run("a source that is down leads to the fallback until it is back", testSourceThatIsDownLeadsToFallback)
	t.Run("a source that is down from the start leads from zero to the fallback", testSourceThatIsDownFromStartLeadsFromZeroToFallback)
	t.Run("a fallback behavior compares with the current count", testFallbackBehaviorComparesWithCurrentCount)
	t.Run("a formula decides over two triggers without targets", testFormulaDecidesOverTwoTriggers)
	t.Run("annotations pause under load", testAnnotationsPauseUnderLoad)
	t.Run("paused-replicas is exact, and stronger than paused", testPausedReplicasIsExactAndStrongerThanPaused)
	t.Run("paused-scale-out keeps from going up", testPausedScaleOutKeepsFromGoingUp)
	t.Run("force-activation starts an idle workload", testForceActivationStartsIdleWorkload)
	t.Run("a live object follows changes of its numbers", testLiveObjectFollowsChangesOfItsNumbers)
	t.Run("an authentication is changed under a live object", testAuthenticationIsChangedUnderLiveObject)
	t.Run("a trigger is added to a live object and removed", testTriggerIsAddedToLiveObjectAndRemoved)
	t.Run("Value runs to the maximum where AverageValue settles", testValueRunsToMaximumWhereAverageValueSettles)
	t.Run("a ReplicaSet and a custom resource are scaled", testReplicaSetAndCustomResourceAreScaled)
	t.Run("an unreachable source stops no other object", testUnreachableSourceStopsNoOtherObject)
	t.Run("five objects reach their counts after the process was killed", testFiveObjectsReachTheirCountsAfterProcessWasKilled)
	t.Run("a schedule holds its count within its window and time zone", testScheduleHoldsItsCountWithinItsWindowAndTimeZone)
	t.Run("lag above the activation scales, on one server", testLagAboveActivationScalesOnOneServer)
	t.Run("lag above the activation scales, at the leader of a cluster", testLagAboveActivationScalesAtLeaderOfCluster)
	t.Run("a server pushes whole and fractional numbers", testServerPushesWholeAndFractionalNumbers)
}

// levelServer is a server with one level, which a trigger of type metrics-api polls.
type levelServer struct {
	*httptest.Server
	level atomic.Int64
	reads atomic.Int64
}

// down is the level of a source that answers with errors, and hanging that of one that does not answer.
const down, hanging = -1, -2

func newLevelServer(t *testing.T, level int64) *levelServer {
	t.Helper()
	s := &levelServer{}
	s.level.Store(level)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		level := s.level.Load()
		s.reads.Add(1)
		switch level {
		case down:
			http.Error(w, "down", http.StatusInternalServerError)
		case hanging:
			<-r.Context().Done()
		default:
			fmt.Fprintf(w, `{"waiting": %d}`, level)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// trigger returns a trigger for the level, with a target and a name.
func (s *levelServer) trigger(name, target string) string {
	return fmt.Sprintf("\n  - {type: metrics-api, name: %s, metadata: {url: '%s', valueLocation: waiting, targetValue: '%s'}}", name, s.URL, target)
}

// polled is an object of KEDA that polls every second and scales down at once. spec has further lines; advanced has further
// fields, each with a comma after it.
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

// The first trigger is a query of a real Prometheus.
func testTriggerIsAddedToLiveObjectAndRemoved(t *testing.T) {
	e, b := newKEDAEnv(t), newLevelServer(t, 8)
	mock, prometheus := testkit.FreeAddress(t), testkit.FreeAddress(t)
	e.spawn("mockmetrics", sandbox.Command(e.t, root, "./deploy/mockmetrics"), "--listen", mock)
	e.prometheus(prometheus, mock)
	a := fmt.Sprintf("\n  - {type: prometheus, name: a, metadata: {serverAddress: 'http://%s', query: count(total_hit_count) * 2, threshold: '1'}}", prometheus)
	e.ApplyDeployment("web", 1)
	one := polled("web", "  maxReplicaCount: 10\n", "", a)
	e.Apply(one)
	e.run("--watch-keda")
	e.AwaitReplicas("web", 2)
	e.Apply(polled("web", "  maxReplicaCount: 10\n", "", a, b.trigger("b", "2")))
	e.AwaitReplicas("web", 4)
	e.Apply(one)
	e.AwaitReplicas("web", 2)
}

func testUnreachableSourceStopsNoOtherObject(t *testing.T) {
	e, broken, hung, healthy := newKEDAEnv(t), newLevelServer(t, down), newLevelServer(t, hanging), newLevelServer(t, 4)
	for name, s := range map[string]*levelServer{"bad": broken, "hung": hung, "good": healthy} {
		e.ApplyDeployment(name, 2)
		e.Apply(polled(name, "  maxReplicaCount: 4\n", "", s.trigger("a", "1")))
	}
	e.run("--watch-keda")
	stopBad, stopHung := e.ExpectReplicas("bad", 2), e.ExpectReplicas("hung", 2)
	e.kedaCondition("bad", "Ready", "False", "500")
	e.kedaCondition("hung", "Ready", "False", "no answer")
	for _, n := range []int32{4, 2, 0} {
		healthy.level.Store(int64(n))
		e.AwaitReplicas("good", n)
	}
	stopBad()
	stopHung()
}

// Each time the process is killed just after the level has changed.
func testFiveObjectsReachTheirCountsAfterProcessWasKilled(t *testing.T) {
	e, s := newKEDAEnv(t), newLevelServer(t, 2)
	all := []string{"a", "b", "c", "d", "e"}
	for _, name := range all {
		e.ApplyDeployment(name, 0)
		e.Apply(polled(name, "  maxReplicaCount: 4\n", "", s.trigger("a", "1")))
	}
	i := e.run("--watch-keda")
	for _, n := range []int32{2, 4, 0} {
		s.level.Store(int64(n))
		if n != 2 {
			i.Kill()
			e.restart(i)
		}
		for _, name := range all {
			e.AwaitReplicas(name, n)
		}
	}
}
