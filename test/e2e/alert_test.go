package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// alertmanager starts a real Alertmanager that posts to Impulse, and returns its address.
func (w *world) alertmanager(i *impulse) string {
	w.t.Helper()
	return w.alertmanagerAs("", fmt.Sprintf(`
route: {receiver: impulse, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1m}
receivers:
- name: impulse
  webhook_configs: [{url: '%s/v1/alertmanager/%s', send_resolved: true}]
`, i.url, w.ns))
}

// alertmanagerAs starts a real Alertmanager and returns its address, with user before the host: name:password@, or nothing.
func (w *world) alertmanagerAs(user, text string, args ...string) string {
	w.t.Helper()
	config := filepath.Join(w.t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	address := freeAddress(w.t)
	p := w.spawn("alertmanager", filepath.Join(suite.bin, "alertmanager"), append([]string{
		"--config.file", config, "--storage.path", w.t.TempDir(), "--web.listen-address", address, "--cluster.listen-address=",
	}, args...)...)
	url := "http://" + user + address
	w.until("alertmanager is ready", func(ctx context.Context) (bool, error) {
		return get(ctx, url+"/-/ready") == http.StatusOK, p.Err()
	}, func() string { return logOf(p) })
	return url
}

// alert tells an Alertmanager that an alert fires, or has resolved.
func (w *world) alert(alertmanager, name, severity string, firing bool) {
	w.t.Helper()
	ends := time.Now().Add(time.Hour)
	if !firing {
		ends = time.Now()
	}
	// Without a start Alertmanager would take the end for it, which lies in the future.
	body := fmt.Sprintf(`[{"labels":{"alertname":%q,"severity":%q},"startsAt":"2026-01-01T00:00:00Z","endsAt":%q}]`,
		name, severity, ends.UTC().Format(time.RFC3339Nano))
	if code := post(w.t.Context(), alertmanager+"/api/v2/alerts", body); code != http.StatusOK {
		w.t.Fatalf("alertmanager answered %d", code)
	}
}

// onAlert is a ScaledObject that wants 5 while an alert of the same name fires.
func onAlert(name string) string {
	return fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: %[1]s}
spec:
  scaleTargetRef: {name: %[1]s}
  minReplicaCount: 1
  maxReplicaCount: 10
  cooldownPeriod: 1
  triggers:
  - type: alertmanager
    metadata: {matchers: '{alertname="%[1]s"}', replicas: 5}
`, name)
}

func TestARealAlertmanagerFiresAndResolves(t *testing.T) {
	w := newWorld(t)
	w.deployment("checkout", 1)
	w.apply(onAlert("checkout"))
	am := w.alertmanager(w.run())
	w.condition("checkout", "Ready", "True", "Ready")
	w.alert(am, "checkout", "page", true)
	w.replicas("checkout", 5)
	w.condition("checkout", "Active", "True", "TriggerActive")
	w.alert(am, "checkout", "page", false)
	w.replicas("checkout", 1)
}

func TestAnAlertThatIsNotRepeatedIsSaidToBeStaleAndThenIsOver(t *testing.T) {
	w := newWorld(t)
	w.deployment("checkout", 1)
	w.apply(strings.Replace(onAlert("checkout"), "replicas: 5", "replicas: 5, ttl: 5s", 1))
	i := w.run()
	w.condition("checkout", "Ready", "True", "Ready")
	w.webhook(i, "checkout", "firing")
	w.replicas("checkout", 5)
	w.condition("checkout", "AlertStale", "True", "NotRepeated")
	w.replicas("checkout", 1)
	w.condition("checkout", "AlertStale", "False", "TTLExpired")
	w.explains("checkout", "Note: alertmanager: alert checkout was not repeated within its ttl (5s): it counts as over since ")
}

func TestStepsCountActivationsThroughRepeatsAndARestart(t *testing.T) {
	w := newWorld(t)
	w.deployment("checkout", 1)
	w.apply(strings.Replace(onAlert("checkout"), "replicas: 5", `step: "+2"`, 1))
	i := w.run()
	w.condition("checkout", "Ready", "True", "Ready")
	w.webhook(i, "checkout", "firing")
	w.replicas("checkout", 3)
	stop := w.never("checkout", 3)
	for range 5 {
		w.webhook(i, "checkout", "firing")
	}
	i.Kill()
	w.restart(i)
	w.condition("checkout", "Ready", "True", "Ready")
	w.webhook(i, "checkout", "firing")
	stop()
	w.webhook(i, "checkout", "resolved")
	w.replicas("checkout", 1)
}

func TestImpulseKilledAndRestartedKeepsTheReplicas(t *testing.T) {
	w := newWorld(t)
	w.deployment("checkout", 1)
	w.apply(onAlert("checkout"))
	i := w.run()
	w.webhook(i, "checkout", "firing")
	w.replicas("checkout", 5)
	i.Kill()
	stop := w.never("checkout", 5)
	w.restart(i)
	w.condition("checkout", "Ready", "True", "Ready")
	stop()
	w.webhook(i, "checkout", "resolved")
	w.replicas("checkout", 1)
}

// webhook posts one alert to Impulse, as Alertmanager would, and wants a 2xx.
func (w *world) webhook(i *impulse, name, status string) {
	w.t.Helper()
	if code := post(w.t.Context(), i.url+"/v1/alertmanager/"+w.ns, webhookBody(name, status)); code/100 != 2 {
		w.t.Fatalf("the webhook was answered with %d", code)
	}
}

func webhookBody(name, status string) string {
	ends := "0001-01-01T00:00:00Z"
	if status == "resolved" {
		ends = "2026-01-02T00:00:00Z"
	}
	return fmt.Sprintf(`{"version":"4","groupKey":"{}","status":%[1]q,"receiver":"web\\.hook","groupLabels":{},"commonLabels":{},
		"commonAnnotations":{},"externalURL":"","alerts":[{"status":%[1]q,"labels":{"alertname":%[2]q},"annotations":{},
		"startsAt":"2026-01-01T08:00:00+08:00","endsAt":%[3]q,"generatorURL":"","fingerprint":""}]}`, status, name, ends)
}

// never watches a Deployment in the background until the returned function is called, which fails the test if it has had
// another count than n in between.
func (w *world) never(name string, n int32) func() {
	w.t.Helper()
	stream, err := w.kube.AppsV1().Deployments(w.ns).Watch(w.t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		w.t.Fatal(err)
	}
	var wrong []int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range stream.ResultChan() {
			if d, ok := e.Object.(*appsv1.Deployment); ok && *d.Spec.Replicas != n {
				wrong = append(wrong, *d.Spec.Replicas)
			}
		}
	}()
	return func() {
		w.t.Helper()
		stream.Stop()
		if <-done; len(wrong) > 0 {
			w.t.Errorf("%s had %v replicas, where it should have kept %d", name, wrong, n)
		}
	}
}
