package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestExamples(t *testing.T) {
	t.Run("GitHub jobs are counted from their queue to their end", testGitHubJobsAreCountedFromTheirQueueToTheirEnd)
	t.Run("a GitHub job that waits for an approval counts once it is approved", testGitHubJobThatWaitsForApprovalCountsOnceItIsApproved)
	t.Run("a GitHub job that runs again counts once", testGitHubJobThatRunsAgainCountsOnce)
	t.Run("Grafana alert instances are counted separately", testGrafanaAlertInstancesAreCountedSeparately)
	t.Run("a Datadog monitor counts until it has recovered", testDatadogMonitorCountsUntilItHasRecovered)
	t.Run("a CloudWatch alarm arrives over SNS", testCloudWatchAlarmArrivesOverSNS)
}

// example returns the metadata of the trigger in deploy/examples/webhook-NAME.yaml.
func example(t *testing.T, name string) map[string]string {
	t.Helper()
	var object struct {
		Spec struct {
			Triggers []struct{ Metadata map[string]any } `json:"triggers"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "../../deploy/examples/webhook-"+name+".yaml")), &object); err != nil {
		t.Fatal(err)
	}
	metadata := map[string]string{}
	for key, value := range object.Spec.Triggers[0].Metadata {
		metadata[key] = fmt.Sprint(value)
	}
	return metadata
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func sample(t *testing.T, name string) string {
	t.Helper()
	return read(t, filepath.Join("testdata", name+".json"))
}

// sign returns the signature that GitHub sends.
func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func testGitHubJobsAreCountedFromTheirQueueToTheirEnd(t *testing.T) {
	w := run(t, example(t, "github"), triggers.Env{Credentials: "github", Secrets: triggertest.SecretsFunc(secretOf("correct horse\n"))})
	if !w.Endpoint().Signed {
		t.Error("the endpoint is not Signed")
	}
	post := func(name, event, want string) {
		t.Helper()
		body := sample(t, name)
		w.send(body, want, "X-GitHub-Event", event, "X-Hub-Signature-256", sign("correct horse", body))
	}
	post("github-ping", "ping", "0")
	post("github-queued", "workflow_job", "1")
	post("github-queued", "workflow_job", "1") // Delivered again.
	post("github-in-progress", "workflow_job", "1")
	post("github-hosted", "workflow_job", "1") // GitHub's own runners take it.
	post("github-completed", "workflow_job", "0")
	post("github-in-progress", "workflow_job", "0") // Late.
	post("github-queued", "workflow_job", "0")
}

// later returns a message of GitHub about the same job in another state, or in a later attempt, which has another id and time.
func later(t *testing.T, name string, changes ...string) string {
	t.Helper()
	body := sample(t, name)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(body, changes[i]) {
			t.Fatalf("%s does not hold %s", name, changes[i])
		}
		body = strings.ReplaceAll(body, changes[i], changes[i+1])
	}
	return body
}

func testGitHubJobThatWaitsForApprovalCountsOnceItIsApproved(t *testing.T) {
	w := run(t, example(t, "github"), triggers.Env{Credentials: "github", Secrets: triggertest.SecretsFunc(secretOf("correct horse"))})
	post := func(body, want string) {
		t.Helper()
		w.send(body, want, "X-GitHub-Event", "workflow_job", "X-Hub-Signature-256", sign("correct horse", body))
	}
	waits := later(t, "github-queued", `"status": "queued"`, `"status": "waiting"`)
	post(waits, "0")
	post(strings.Replace(waits, `"action": "queued"`, `"action": "waiting"`, 1), "0")
	post(sample(t, "github-queued"), "1")
	post(waits, "1") // Late, and no newer by its time.
	post(sample(t, "github-completed"), "0")
}

func testGitHubJobThatRunsAgainCountsOnce(t *testing.T) {
	w := run(t, example(t, "github"), triggers.Env{Credentials: "github", Secrets: triggertest.SecretsFunc(secretOf("correct horse"))})
	post := func(body, want string) {
		t.Helper()
		w.send(body, want, "X-GitHub-Event", "workflow_job", "X-Hub-Signature-256", sign("correct horse", body))
	}
	second := []string{"29679449526", "29679460001", `"run_attempt": 1`, `"run_attempt": 2`, "2026-03-02T09:", "2026-03-02T11:"}
	post(sample(t, "github-in-progress"), "1") // Its end gets lost.
	post(later(t, "github-queued", second...), "1")
	post(sample(t, "github-completed"), "1") // Late: it ends the first attempt only.
	post(later(t, "github-queued", "29679449526", "29679460002", `"name": "build"`, `"name": "test"`), "2")
	post(later(t, "github-completed", second...), "1")
}

func testGrafanaAlertInstancesAreCountedSeparately(t *testing.T) {
	w := run(t, example(t, "grafana"), triggers.Env{})
	w.send(sample(t, "grafana-firing"), "5500.5")
	w.send(sample(t, "grafana-firing"), "5500.5")
	w.send(sample(t, "grafana-one-resolved"), "1800")
	w.send(sample(t, "grafana-resolved"), "0")
	w.send(sample(t, "grafana-firing"), "0") // A late copy of what is over.
}

func testDatadogMonitorCountsUntilItHasRecovered(t *testing.T) {
	w := run(t, example(t, "datadog"), triggers.Env{})
	w.send(sample(t, "datadog-triggered"), "10")
	w.send(sample(t, "datadog-re-triggered"), "10")
	w.send(sample(t, "datadog-no-data"), "10")
	w.send(sample(t, "datadog-recovered"), "0")
	w.send(sample(t, "datadog-triggered"), "0") // Late.
}

func testCloudWatchAlarmArrivesOverSNS(t *testing.T) {
	a := newFakeSNS(t)
	w := run(t, example(t, "cloudwatch"), triggers.Env{HTTP: a.client()})
	if !w.Endpoint().Signed {
		t.Error("the endpoint is not Signed")
	}
	w.send(a.subscription("2"), "unknown")
	if a.confirmed != 1 {
		t.Errorf("the subscription was confirmed %d times; want 1", a.confirmed)
	}
	w.send(a.notification("2", sample(t, "cloudwatch-alarm"), a.now), "8")
	w.send(a.notification("2", sample(t, "cloudwatch-insufficient"), a.now.Add(1)), "8")
	w.send(a.notification("1", sample(t, "cloudwatch-ok"), a.now.Add(2e9)), "0")
	if a.fetched != 1 {
		t.Errorf("the certificate was fetched %d times; want 1", a.fetched)
	}
}
