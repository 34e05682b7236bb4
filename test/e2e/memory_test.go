package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// status waits until a field of an object's status is as wanted, and returns it.
func (w *world) status(name, what string, wanted func(string) bool, path ...string) string {
	w.t.Helper()
	var value string
	w.until(fmt.Sprintf("the status of %s has %s", name, what), func(ctx context.Context) (bool, error) {
		so, err := w.dynamic.Resource(scaledObjects).Namespace(w.ns).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		field, found, err := unstructured.NestedFieldNoCopy(so.Object, append([]string{"status"}, path...)...)
		value = ""
		if found {
			value = fmt.Sprint(field)
		}
		return wanted(value), err
	}, func() string { return w.describe(w.t.Context(), name) })
	return value
}

// holding makes an object that goes down ten minutes after its alert, and waits until it is held there, at n; it returns until when.
func (w *world) holding(i *impulse, name, rules string, n int32) time.Time {
	w.t.Helper()
	w.deployment(name, 0)
	w.apply(strings.Replace(onAlert(name), "  cooldownPeriod: 1\n", rules, 1))
	w.condition(name, "Ready", "True", "Ready")
	w.webhook(i, name, "firing")
	w.replicas(name, 5)
	w.webhook(i, name, "resolved")
	w.replicas(name, n)
	w.condition(name, "Active", "False", "NoTriggerActive")
	return w.heldUntil(name)
}

// heldUntil is until when an object's count is held.
func (w *world) heldUntil(name string) time.Time {
	w.t.Helper()
	text := w.status(name, "a next instant", func(s string) bool { return s != "" }, "lastDecision", "next")
	next, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		w.t.Fatal(err)
	}
	return next
}

func TestWindowsAndCooldownsGoOnUnderTheNextLeader(t *testing.T) {
	w := newWorld(t)
	a, b := w.run(), w.run()
	window := w.holding(a, "window", "  cooldownPeriod: 600\n", 5)
	const restAfter = "  idleReplicaCount: 0\n  cooldownPeriod: 600\n  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}}\n"
	cooldown := w.holding(a, "cooldown", restAfter, 1)
	keepsWindow, keepsCooldown := w.never("window", 5), w.never("cooldown", 1)
	a.Kill()
	w.answered(b, "resolved")
	for name, before := range map[string]time.Time{"window": window, "cooldown": cooldown} {
		// What the next leader thinks is said when the object changes.
		if out, err := w.kubectl(t.Context(), "", "patch", "so", name, "--type=merge", "-p", `{"spec":{"maxReplicaCount":11}}`); err != nil {
			t.Fatal(err, out)
		}
		w.status(name, "the new spec", func(s string) bool { return s == "2" }, "observedGeneration")
		if after := w.heldUntil(name); after.Sub(before).Abs() > time.Millisecond {
			t.Errorf("%s is held until %s, and was until %s before the leader died", name, after, before)
		}
	}
	keepsWindow()
	keepsCooldown()
}

// Each life of this leader sees one failure only.
func TestFailuresAreCountedOnUnderTheNextLeader(t *testing.T) {
	w := newWorld(t)
	w.deployment("queries", 1)
	w.apply(fmt.Sprintf(`
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
`, freeAddress(t)))
	i := w.run()
	var memory string
	for range 2 {
		memory = w.status("queries", "another memory", func(s string) bool { return s != "" && s != memory }, "memory")
		if n := w.count(t.Context(), "queries"); n != 1 {
			t.Fatalf("there are %d replicas before the fallback", n)
		}
		i.Kill()
		w.restart(i)
	}
	w.replicas("queries", 7)
}
