package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestReceiver(t *testing.T) {
	t.Parallel()
	t.Run("the receiver requires its token", testReceiverRequiresItsToken)
	t.Run("files work without a CRD, and a broken one keeps its last valid version", testFilesWorkWithoutCRDAndBrokenOneKeepsItsLastValidVersion)
	t.Run("an alert for the wrong namespace is in the explanation", testAlertForWrongNamespaceIsInExplanation)
}

func testReceiverRequiresItsToken(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte(e.Namespace+"=the-token-of-this-test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	i := e.run("--tokens-file", tokens)
	e.condition("web", "Ready", "True", "Ready")
	receiver := i.url + "/v1/alertmanager/" + e.Namespace
	keeps := e.ExpectReplicas("web", 1)
	for token, want := range map[string]int{"": http.StatusUnauthorized, "wrong": http.StatusUnauthorized} {
		if code := postAs(t.Context(), receiver, token, testkit.AlertmanagerWebhook("web", "firing")); code != want {
			t.Errorf("the response to token %q is %d", token, code)
		}
	}
	if code := postAs(t.Context(), i.url+"/v1/alertmanager/other", "the-token-of-this-test", testkit.AlertmanagerWebhook("web", "firing")); code != http.StatusForbidden {
		t.Errorf("the response of another namespace's receiver is %d", code)
	}
	keeps()
	e.until("the object reports a refused sender", func(ctx context.Context) (bool, error) {
		events := strings.Join(e.events(ctx, "web", "SenderRefused"), "\n")
		return strings.Contains(events, "was refused: "), nil
	}, func() string { return e.Describe(e.t.Context(), "web") })
	testkit.Eventually(t, "the alert is accepted with the right token; a sender repeats it after a 503", func(ctx context.Context) bool {
		code := postAs(ctx, receiver, "the-token-of-this-test", testkit.AlertmanagerWebhook("web", "firing"))
		if code/100 != 2 && code != http.StatusServiceUnavailable && code != 0 {
			t.Errorf("the response to the right token is %d", code)
		}
		return code/100 == 2
	})
	e.AwaitReplicas("web", 5)
}

// postAs posts JSON with a bearer token and returns the status code.
func postAs(ctx context.Context, url, token string, body []byte) int {
	code, _ := testkit.Request(ctx, http.MethodPost, url, token, body)
	return code
}

func testFilesWorkWithoutCRDAndBrokenOneKeepsItsLastValidVersion(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	dir := t.TempDir()
	file := filepath.Join(dir, "web.yaml")
	write := func(text string) {
		t.Helper()
		text = strings.Replace(text, "metadata: {name: web}", "metadata: {name: web, namespace: "+e.Namespace+"}", 1)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(onAlert("web"))
	i := e.run("--config", dir, "--state-dir", t.TempDir())
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	write(strings.Replace(onAlert("web"), "replicas: 5", "replicas: 8", 1))
	e.AwaitReplicas("web", 8)
	write(strings.Replace(onAlert("web"), "matchers:", "matcher:", 1))
	e.until("the log has the mistake", func(context.Context) (bool, error) {
		return strings.Contains(i.LogTail(logTail), "matcher"), i.Err()
	}, func() string { return i.LogTail(logTail) })
	e.webhook(i, "web", "resolved")
	e.AwaitReplicas("web", 1)
}

func testAlertForWrongNamespaceIsInExplanation(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	i := e.run()
	e.condition("web", "Ready", "True", "Ready")
	e.deliver(i, "onkall", testkit.AlertmanagerWebhook("web", "firing"))
	out, err := e.tool(t.Context(), "explain", "web", "--lease-namespace", e.Namespace)
	if want := "alert web, which this object would select, was delivered for namespace onkall"; err != nil || !strings.Contains(out, want) {
		t.Errorf("the explanation lacks %q: %v\n%s", want, err, out)
	}
}
