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

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestAlert(t *testing.T) {
	t.Parallel()
	t.Run("a real Alertmanager fires and resolves", testRealAlertmanagerFiresAndResolves)
	t.Run("an alert that is not repeated is reported as stale, then ends", testAlertThatIsNotRepeatedIsReportedAsStaleThenEnds)
	t.Run("steps count activations through repeats and a restart", testStepsCountActivationsThroughRepeatsAndRestart)
	t.Run("Impulse killed and restarted keeps the replicas", testImpulseKilledAndRestartedKeepsReplicas)
}

// alertmanager starts a real Alertmanager that posts to Impulse, and returns its address.
func (e *env) alertmanager(i *impulse) string {
	e.t.Helper()
	return e.alertmanagerAs("", fmt.Sprintf(`
route: {receiver: impulse, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1m}
receivers:
- name: impulse
  webhook_configs: [{url: '%s/v1/alertmanager/%s', send_resolved: true}]
`, i.url, e.Namespace))
}

// alertmanagerAs starts a real Alertmanager and returns its URL, with user before the host: name:password@, or nothing.
func (e *env) alertmanagerAs(user, text string, args ...string) string {
	e.t.Helper()
	config := filepath.Join(e.t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
	address := testkit.FreeAddress(e.t)
	p := e.spawn("alertmanager", sandbox.Binary(e.t, "alertmanager"), append([]string{
		"--config.file", config, "--storage.path", e.t.TempDir(), "--web.listen-address", address, "--cluster.listen-address=",
	}, args...)...)
	url := "http://" + user + address
	e.until("alertmanager is ready", func(ctx context.Context) (bool, error) {
		return get(ctx, url+"/-/ready") == http.StatusOK, p.Err()
	}, func() string { return p.LogTail(logTail) })
	return url
}

// alert sends a firing or resolved alert to an Alertmanager.
func (e *env) alert(alertmanager, name, severity string, firing bool) {
	e.t.Helper()
	ends := time.Now().Add(time.Hour)
	if !firing {
		ends = time.Now()
	}
	// Without startsAt Alertmanager would use endsAt, which is in the future.
	body := fmt.Appendf(nil, `[{"labels":{"alertname":%q,"severity":%q},"startsAt":"2026-01-01T00:00:00Z","endsAt":%q}]`,
		name, severity, ends.UTC().Format(time.RFC3339Nano))
	if code := post(e.t.Context(), alertmanager+"/api/v2/alerts", body); code != http.StatusOK {
		e.t.Fatalf("Alertmanager responded %d", code)
	}
}

// onAlert returns a ScaledObject that wants 5 replicas while an alert of the same name fires.
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

func testRealAlertmanagerFiresAndResolves(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("checkout", 1)
	e.Apply(onAlert("checkout"))
	am := e.alertmanager(e.run())
	e.condition("checkout", "Ready", "True", "Ready")
	e.alert(am, "checkout", "page", true)
	e.AwaitReplicas("checkout", 5)
	e.condition("checkout", "Active", "True", "TriggerActive")
	e.alert(am, "checkout", "page", false)
	e.AwaitReplicas("checkout", 1)
}

func testAlertThatIsNotRepeatedIsReportedAsStaleThenEnds(t *testing.T) {
	e := newIdleEnv(t)
	e.ApplyDeployment("checkout", 1)
	e.Apply(strings.Replace(onAlert("checkout"), "replicas: 5", "replicas: 5, ttl: 20s", 1))
	i := e.run()
	e.condition("checkout", "Ready", "True", "Ready")
	e.webhook(i, "checkout", "firing")
	e.AwaitReplicas("checkout", 5)
	e.condition("checkout", "AlertStale", "True", "NotRepeated")
	e.AwaitReplicas("checkout", 1)
	e.condition("checkout", "AlertStale", "False", "TTLExpired")
	e.awaitExplanation("checkout", "Note: alertmanager: alert checkout was not repeated within its ttl (20s): it has not counted since ")
}

func testStepsCountActivationsThroughRepeatsAndRestart(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("checkout", 1)
	e.Apply(strings.Replace(onAlert("checkout"), "replicas: 5", `step: "+2"`, 1))
	i := e.run()
	e.condition("checkout", "Ready", "True", "Ready")
	e.webhook(i, "checkout", "firing")
	e.AwaitReplicas("checkout", 3)
	stop := e.ExpectReplicas("checkout", 3)
	for range 5 {
		e.webhook(i, "checkout", "firing")
	}
	i.Kill()
	e.restart(i)
	e.condition("checkout", "Ready", "True", "Ready")
	e.webhook(i, "checkout", "firing")
	stop()
	e.webhook(i, "checkout", "resolved")
	e.AwaitReplicas("checkout", 1)
}

func testImpulseKilledAndRestartedKeepsReplicas(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("checkout", 1)
	e.Apply(onAlert("checkout"))
	i := e.run()
	e.webhook(i, "checkout", "firing")
	e.AwaitReplicas("checkout", 5)
	i.Kill()
	stop := e.ExpectReplicas("checkout", 5)
	e.restart(i)
	e.condition("checkout", "Ready", "True", "Ready")
	stop()
	e.webhook(i, "checkout", "resolved")
	e.AwaitReplicas("checkout", 1)
}

// webhook posts one alert to Impulse, as Alertmanager would.
func (e *env) webhook(i *impulse, name, status string) {
	e.t.Helper()
	e.deliver(i, e.Namespace, testkit.AlertmanagerWebhook(name, status))
}

// deliver posts a message of Alertmanager to Impulse until the response is 2xx. Like Alertmanager, it repeats the message without a response,
// and after a 503, which says that nothing was recorded in time: the API server of the sandbox is slow while the machine is busy. Any other
// response fails the test.
func (e *env) deliver(i *impulse, namespace string, message []byte) {
	e.t.Helper()
	var code int
	e.until("the webhook is recorded", func(ctx context.Context) (bool, error) {
		code = post(ctx, i.url+"/v1/alertmanager/"+namespace, message)
		if code/100 != 2 && code != http.StatusServiceUnavailable && code != 0 {
			return false, fmt.Errorf("the response to the webhook is %d, want 2xx or 503", code)
		}
		return code/100 == 2, i.Err()
	}, func() string { return fmt.Sprintf("the last response is %d\n%s", code, i.LogTail(logTail)) })
}
