package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheDoorWantsItsToken(t *testing.T) {
	w := newWorld(t)
	w.deployment("web", 1)
	w.apply(onAlert("web"))
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte(w.ns+"=the-token-of-this-test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	i := w.run("--tokens-file", tokens)
	w.condition("web", "Ready", "True", "Ready")
	door := i.url + "/v1/alertmanager/" + w.ns
	keeps := w.never("web", 1)
	for token, want := range map[string]int{"": http.StatusUnauthorized, "wrong": http.StatusUnauthorized} {
		if code := postAs(t.Context(), door, token, webhookBody("web", "firing")); code != want {
			t.Errorf("token %q was answered with %d", token, code)
		}
	}
	if code := postAs(t.Context(), i.url+"/v1/alertmanager/other", "the-token-of-this-test", webhookBody("web", "firing")); code != http.StatusForbidden {
		t.Errorf("another namespace's door was answered with %d", code)
	}
	keeps()
	w.until("the object says that a sender is refused", func(ctx context.Context) (bool, error) {
		told := strings.Join(w.events(ctx, "web", "SenderRefused"), "\n")
		return strings.Contains(told, "is refused: "), nil
	}, func() string { return w.describe(t.Context(), "web") })
	if code := postAs(t.Context(), door, "the-token-of-this-test", webhookBody("web", "firing")); code/100 != 2 {
		t.Errorf("the right token was answered with %d", code)
	}
	w.replicas("web", 5)
}

// postAs posts JSON with a bearer token and returns the status code.
func postAs(ctx context.Context, url, token, body string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	if resp.Body.Close() != nil {
		return 0
	}
	return resp.StatusCode
}

func TestFilesWorkWithoutACRDAndABrokenOneKeepsItsLastGoodVersion(t *testing.T) {
	w := newWorld(t)
	w.deployment("web", 1)
	dir := t.TempDir()
	file := filepath.Join(dir, "web.yaml")
	write := func(text string) {
		t.Helper()
		text = strings.Replace(text, "metadata: {name: web}", "metadata: {name: web, namespace: "+w.ns+"}", 1)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(onAlert("web"))
	i := w.run("--config", dir, "--state-dir", t.TempDir())
	w.webhook(i, "web", "firing")
	w.replicas("web", 5)
	write(strings.Replace(onAlert("web"), "replicas: 5", "replicas: 8", 1))
	w.replicas("web", 8)
	write(strings.Replace(onAlert("web"), "matchers:", "matcher:", 1))
	w.until("the log says what is wrong", func(context.Context) (bool, error) {
		return strings.Contains(logOf(i.Process), "matcher"), i.Err()
	}, func() string { return logOf(i.Process) })
	w.webhook(i, "web", "resolved")
	w.replicas("web", 1)
}

func TestAnAlertForTheWrongNamespaceIsInTheExplanation(t *testing.T) {
	w := newWorld(t)
	w.deployment("web", 1)
	w.apply(onAlert("web"))
	i := w.run()
	w.condition("web", "Ready", "True", "Ready")
	if code := post(t.Context(), i.url+"/v1/alertmanager/onkall", webhookBody("web", "firing")); code/100 != 2 {
		t.Fatalf("the webhook was answered with %d", code)
	}
	out, err := w.tool(t.Context(), "explain", "web", "--lease-namespace", w.ns)
	if want := "alert web, which this object would select, was delivered for namespace onkall"; err != nil || !strings.Contains(out, want) {
		t.Errorf("it does not say %q: %v\n%s", want, err, out)
	}
}
