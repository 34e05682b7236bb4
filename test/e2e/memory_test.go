package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	t.Run("windows and cooldowns continue under the next leader", testWindowsAndCooldownsContinueUnderNextLeader)
	t.Run("the count of failures continues under the next leader", testCountOfFailuresContinuesUnderNextLeader)
}

// status waits until a field of an object's status is as expected, and returns it.
func (e *env) status(name, what string, wanted func(string) bool, path ...string) string {
	e.t.Helper()
	var value string
	e.until(fmt.Sprintf("the status of %s has %s", name, what), func(ctx context.Context) (bool, error) {
		so, err := e.Dynamic.Resource(scaledObjects).Namespace(e.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		field, found, err := unstructured.NestedFieldNoCopy(so.Object, append([]string{"status"}, path...)...)
		value = ""
		if found {
			value = fmt.Sprint(field)
		}
		return wanted(value), err
	}, func() string { return e.Describe(e.t.Context(), name) })
	return value
}

// createHeld creates an object that is scaled down ten minutes after its alert has ended, waits until its count is held at n, and returns the end
// of the hold.
func (e *env) createHeld(i *impulse, name, rules string, n int32) time.Time {
	e.t.Helper()
	e.ApplyDeployment(name, 0)
	e.Apply(strings.Replace(onAlert(name), "  cooldownPeriod: 1\n", rules, 1))
	e.condition(name, "Ready", "True", "Ready")
	e.webhook(i, name, "firing")
	e.AwaitReplicas(name, 5)
	e.webhook(i, name, "resolved")
	e.AwaitReplicas(name, n)
	e.condition(name, "Active", "False", "NoTriggerActive")
	return e.heldUntil(name)
}

// heldUntil returns the instant until which an object's count is held.
func (e *env) heldUntil(name string) time.Time {
	e.t.Helper()
	text := e.status(name, "a next instant", func(s string) bool { return s != "" }, "lastDecision", "next")
	next, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		e.t.Fatal(err)
	}
	return next
}

func testWindowsAndCooldownsContinueUnderNextLeader(t *testing.T) {
	e := newEnv(t)
	a, b := e.run(), e.run()
	window := e.createHeld(a, "window", "  cooldownPeriod: 600\n", 5)
	const restAfter = "  idleReplicaCount: 0\n  cooldownPeriod: 600\n  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}}\n"
	cooldown := e.createHeld(a, "cooldown", restAfter, 1)
	keepsWindow, keepsCooldown := e.ExpectReplicas("window", 5), e.ExpectReplicas("cooldown", 1)
	a.Kill()
	e.postUntilOK(b, "resolved")
	for name, before := range map[string]time.Time{"window": window, "cooldown": cooldown} {
		// The next leader reports its decision when the object changes.
		if out, err := e.Kubectl(t.Context(), "", "patch", "so", name, "--type=merge", "-p", `{"spec":{"maxReplicaCount":11}}`); err != nil {
			t.Fatal(err, out)
		}
		e.status(name, "the new spec", func(s string) bool { return s == "2" }, "observedGeneration")
		if after := e.heldUntil(name); after.Sub(before).Abs() > time.Millisecond {
			t.Errorf("the next leader holds %s until %s, want until %s, as before the leader was killed", name, after, before)
		}
	}
	keepsWindow()
	keepsCooldown()
}

// Each term of this leader has only one failure.
func testCountOfFailuresContinuesUnderNextLeader(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("queries", 1)
	e.Apply(fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: queries}
spec:
  scaleTargetRef: {name: queries}
  minReplicaCount: 1
  pollingInterval: 600
  fallback: {failureThreshold: 2, replicas: 7}
  triggers:
  - type: prometheus
    metadata: {serverAddress: 'http://%s', query: up, threshold: 10}
`, testkit.FreeAddress(t)))
	i := e.run()
	var memory string
	for range 2 {
		memory = e.status("queries", "another memory", func(s string) bool { return s != "" && s != memory }, "memory")
		if n := e.count(t.Context(), "queries"); n != 1 && i.lostLeases() == 0 {
			t.Fatalf("there are %d replicas before the fallback", n)
		}
		i.Kill()
		e.restart(i)
	}
	e.AwaitReplicas("queries", 7)
}
