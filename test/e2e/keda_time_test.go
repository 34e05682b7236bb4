package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// testIntervalsOfMinutesAreRespected has the times for which the other tests would have to wait, as KEDA's users set them.
func testIntervalsOfMinutesAreRespected(t *testing.T) {
	e := newKEDAEnv(t)
	if out, err := process.Run(t.Context(), e.command, "test", "testdata/keda_behaviour.test.yaml"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The level rises after the first readings. The object with the short interval shows that time has passed. Package triggers tests the time of
// the second reading.
func testSourceIsReadOncePerPollingInterval(t *testing.T) {
	e, slow, fast := newKEDAEnv(t), newLevelServer(t, 0), newLevelServer(t, 0)
	object := func(name string, interval int, s *levelServer) string {
		return fmt.Sprintf(`
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: %[1]s}
spec:
  scaleTargetRef: {name: %[1]s}
  pollingInterval: %[2]d
  maxReplicaCount: 1
  triggers:%[3]s
`, name, interval, s.trigger("a", "1"))
	}
	e.ApplyDeployment("slow", 0)
	e.ApplyDeployment("fast", 0)
	e.Apply(object("slow", 600, slow))
	e.Apply(object("fast", 2, fast))
	i := e.run("--watch-keda")
	e.kedaCondition("slow", "Active", "False", "")
	e.kedaCondition("fast", "Active", "False", "")
	slow.level.Store(1)
	fast.level.Store(1)
	e.AwaitReplicas("fast", 1)
	n, reads, lost := e.count(t.Context(), "slow"), slow.reads.Load(), int64(i.lostLeases()) // Who leads next begins with a reading.
	if n != 0 && lost == 0 || reads > 1+lost {
		t.Errorf("got %d replicas and %d readings within the interval, want 0 and 1, and one more for each of %d lost Leases", n, reads, lost)
	}
	e.Apply(object("slow", 2, slow))
	e.AwaitReplicas("slow", 1)
}

// The cooldown is five minutes, and then one second.
func testCooldownKeepsLastReplica(t *testing.T) {
	e, s := newKEDAEnv(t), newLevelServer(t, 1)
	e.ApplyDeployment("web", 0)
	short := polled("web", "  minReplicaCount: 0\n  maxReplicaCount: 1\n", "", s.trigger("a", "1"))
	e.Apply(strings.Replace(short, "cooldownPeriod: 1\n", "cooldownPeriod: 300\n", 1))
	e.run("--watch-keda")
	e.AwaitReplicas("web", 1)
	stop := e.ExpectReplicas("web", 1)
	s.level.Store(0)
	e.condition("web", "ScalingLimited", "True", "Cooldown")
	e.kedaCondition("web", "Active", "False", "")
	stop()
	e.Apply(short)
	e.AwaitReplicas("web", 0)
}

// Pods are counted in a watch, so each change is known at once: the other object shows that.
func testCachedNumberIsUsedUntilPollingIntervalIsOver(t *testing.T) {
	e := newKEDAEnv(t)
	e.ApplyDeployment("jobs", 8)
	for name, cached := range map[string]bool{"cached": true, "direct": false} {
		e.ApplyDeployment(name, 1)
		e.Apply(fmt.Sprintf(`
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: %[1]s}
spec:
  scaleTargetRef: {name: %[1]s}
  pollingInterval: 1000
  cooldownPeriod: 0
  minReplicaCount: 0
  maxReplicaCount: 10
  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 1}}}}
  triggers: [{type: kubernetes-workload, useCachedMetrics: %[2]t, metadata: {podSelector: app=jobs, value: '2'}}]
`, name, cached))
	}
	e.until("there are eight pods", func(ctx context.Context) (bool, error) {
		pods, err := e.Kube.CoreV1().Pods(e.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=jobs"})
		return err == nil && len(pods.Items) == 8, err
	}, func() string { return "" })
	i := e.run("--watch-keda")
	e.AwaitReplicas("cached", 4)
	e.AwaitReplicas("direct", 4)
	stop := e.ExpectReplicas("cached", 4)
	e.ApplyDeployment("jobs", 4)
	e.AwaitReplicas("direct", 2)
	if i.lostLeases() == 0 { // Who leads next has no number yet.
		stop()
	}
}

// Few zones are a quarter of an hour off UTC: in most others the window would be closed. It is this minute, or the next one if half of
// this one is over. If the machine is too busy in a window, there is another one.
func testScheduleHoldsItsCountWithinItsWindowAndTimeZone(t *testing.T) {
	e := withKEDA(newIdleEnv(t))
	zone, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	at := func(t time.Time) string { return fmt.Sprintf("%d %d * * *", t.Minute(), t.Hour()) }
	object := func(start, end time.Time) string {
		return fmt.Sprintf(`
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  pollingInterval: 5
  cooldownPeriod: 5
  minReplicaCount: 1
  maxReplicaCount: 10
  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 1}}}}
  triggers: [{type: cron, metadata: {timezone: Asia/Kathmandu, start: '%s', end: '%s', desiredReplicas: '4'}}]
`, at(start), at(end))
	}
	e.ApplyDeployment("web", 1)
	e.run("--watch-keda")
	await := func(n int32, meanwhile func()) {
		t.Helper()
		err := waitFor(t.Context(), 3*timeout, fmt.Sprintf("the count is %d", n), func(ctx context.Context) (bool, error) {
			meanwhile()
			return e.count(ctx, "web") == n, nil
		})
		if err != nil {
			t.Fatalf("%v\n%s", err, e.describeKEDA("web"))
		}
	}
	var end time.Time
	await(4, func() {
		now := time.Now().In(zone)
		if now.Before(end) {
			return
		}
		start := now.Truncate(time.Minute)
		if now.Second() > 30 {
			start = start.Add(time.Minute)
		}
		end = start.Add(time.Minute)
		e.Apply(object(start, end))
	})
	await(1, func() {})
	if now := time.Now(); now.Before(end) {
		t.Errorf("got the count of the end at %s, before the window's end at %s", now.In(zone), end)
	}
}
