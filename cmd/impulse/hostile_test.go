package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/printable"
)

func TestHostile(t *testing.T) {
	t.Run("text of a file cannot control the terminal or forge a line", testTextOfFileCannotControlTerminalOrForgeLine)
	t.Run("a converted object has the same meaning and is printable", testConvertedObjectHasSameMeaningAndIsPrintable)
	t.Run("text of a server cannot control the terminal", testTextOfServerCannotControlTerminal)
	t.Run("text of a status cannot control the terminal or forge a line", testTextOfStatusCannotControlTerminalOrForgeLine)
}

// hostile is a text with all characters that a terminal or a reader of lines interprets; quoted is its form in YAML and JSON.
const (
	hostile = "x\x1b[2J\nforged\u202e\u009b31m\r\a"
	quoted  = `"x\u001b[2J\nforged\u202e\u009b31m\r\u0007"`
)

// checkPrintable fails the test when a text has an unprintable character, or a line that begins with a part of the hostile text.
func checkPrintable(t *testing.T, what, text string) {
	t.Helper()
	if !printable.Lines(text) {
		t.Errorf("%s has unprintable characters: %q", what, text)
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "forged") {
			t.Errorf("%s has a forged line: %q", what, text)
		}
	}
}

// runHostile runs a command line whose output must contain the hostile text, and returns standard output.
func runHostile(t *testing.T, args ...string) string {
	t.Helper()
	_, out, errs := impulse(t, "", args...)
	what := strings.Join(args, " ")
	checkPrintable(t, "the output of "+what, out)
	checkPrintable(t, "the error of "+what, errs)
	if !strings.Contains(out+errs, "forged") {
		t.Errorf("%s prints\n%s%swant the hostile text in it, or nothing is tested", what, out, errs)
	}
	return out
}

// put writes files into a new folder, which becomes the current one. Each Q in their content is replaced by quoted.
func put(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range files {
		if err := os.WriteFile(name, []byte(strings.ReplaceAll(content, "Q", quoted)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func testTextOfFileCannotControlTerminalOrForgeLine(t *testing.T) {
	const prometheus = "{type: prometheus, name: Q, metadata: {serverAddress: 'http://p:9090', query: rps, threshold: 100}}"
	put(t, map[string]string{
		"bad.yaml": "apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\nspec: {scaleTargetRef: {name: web}, Q: 1, " +
			"triggers: [{type: Q, name: Q, metadata: {Q: Q}}, {type: prometheus, metadata: {Q: Q, serverAddress: Q}, metricType: Q}]}\n",
		"hpa.yaml": "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec: {Q: 1, metrics: [{type: Q}]}\n",
		"others.yaml": "apiVersion: v1\nkind: Q\n---\napiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, annotations: {a: Q}}\n" +
			"spec: {Q: 1, scaleTargetRef: {kind: Deployment, name: web}, maxReplicas: 3}\n",
		"bad.test.yaml": "tests: [{name: Q, Q: 1, inputs: [{trigger: Q, values: Q}]}]\n",
		"fails.test.yaml": "tests:\n- name: Q\n  scaledObject: {apiVersion: impulse.sh/v1alpha1, kind: ScaledObject, metadata: {name: web}, " +
			"spec: {scaleTargetRef: {name: web}, minReplicaCount: 1, triggers: [" + prometheus + "]}}\n" +
			"  inputs: [{trigger: Q, values: 1000}]\n  expect: [{at: 0s, replicas: 99, trigger: Q}]\n",
		hostile + ".yaml": "kind: Q\n",
		"load.csv":        "time," + "\"x\x1b[2J\rforged\"" + "\n0,many\n",
		"good.yaml": "apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\nspec: {scaleTargetRef: {name: web}, triggers: [" +
			strings.Replace(prometheus, "Q", "rps", 1) + "]}\n",
	})
	for _, args := range [][]string{
		{"check", "bad.yaml"},
		{"check", "bad.yaml", "-o", "json"},
		{"check", "bad.yaml", "-o", "sarif"},
		{"check", hostile + ".yaml"},
		{"check", hostile},
		{"convert", "hpa.yaml"},
		{"convert", "others.yaml"},
		{"convert", hostile},
		{"test", "bad.test.yaml"},
		{"test", "fails.test.yaml"},
		{"test", "fails.test.yaml", "-v"},
		{"test", "fails.test.yaml", "-o", "json"},
		{"test", "fails.test.yaml", "-o", "junit"},
		{"test", "fails.test.yaml", "--run", hostile + "("},
		{"simulate", "good.yaml", "--input", "load.csv"},
		{"simulate", "bad.yaml", "--input", "load.csv"},
		{"explain", "fails.test.yaml"},
		{"explain", "fails.test.yaml", "-o", "json"},
		{"explain", "fails.test.yaml", "-o", "yaml"},
		{"explain", "bad.test.yaml"},
		{"send", "alert", hostile},
		{hostile},
		{"check", "--" + hostile},
	} {
		runHostile(t, args...)
	}
}

func testConvertedObjectHasSameMeaningAndIsPrintable(t *testing.T) {
	const before, after = "load{job=`", "`}" // The query must be valid PromQL.
	put(t, map[string]string{
		"keda.yaml": "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web, annotations: {note: Q, bidi: \"a\\u202eb\"}}\nspec:\n" +
			"  scaleTargetRef: {name: web}\n  triggers: [{type: prometheus, metadata: {serverAddress: 'http://p:9090', query: \"" +
			before + strings.Trim(quoted, `"`) + after + "\", threshold: 100}}]\n",
		"auth.yaml": "apiVersion: keda.sh/v1alpha1\nkind: TriggerAuthentication\nmetadata: {name: web}\nspec:\n  secretTargetRef: [{parameter: Q, name: a, key: b}]\n",
	})
	var so v1alpha1.ScaledObject
	if err := yaml.Unmarshal([]byte(runHostile(t, "convert", "keda.yaml")), &so); err != nil {
		t.Fatal(err)
	}
	query, _ := so.Spec.Triggers[0].Metadata["query"].Text()
	if bidi := so.Annotations["bidi"]; bidi != "a\u202eb" { // A YAML encoder would print the character unescaped.
		t.Errorf("the annotation bidi is %q, want %q", bidi, "a\u202eb")
	}
	if so.Annotations["note"] != hostile || query != before+hostile+after {
		t.Errorf("the note is %q, and the query %q", so.Annotations["note"], query)
	}
	var ta v1alpha1.TriggerAuthentication
	if err := yaml.Unmarshal([]byte(runHostile(t, "convert", "auth.yaml")), &ta); err != nil {
		t.Fatal(err)
	}
	if got := ta.Spec.SecretTargetRef[0].Parameter; got != hostile {
		t.Errorf("the parameter is %q", got)
	}
}

func testTextOfServerCannotControlTerminal(t *testing.T) {
	for _, code := range []int{http.StatusBadRequest, http.StatusServiceUnavailable} {
		s, _ := newReceiver(t, code, hostile, false)
		runHostile(t, "send", "alert", "a=b", "--server", s.URL)
		runHostile(t, "send", "alert", "a=b", "--server", s.URL, "-o", "json")
		runHostile(t, "send", "alert", "a=b", "--server", s.URL, "-o", "yaml")
	}
}

// serveObject starts a fake API server with one object and this status, and returns the arguments for it.
func serveObject(t *testing.T, status string) []string {
	t.Helper()
	object := `{"apiVersion": "impulse.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "web", "namespace": "shop"}, "spec": {
		"scaleTargetRef": {"name": "web"}, "minReplicaCount": 1, "triggers": [{"type": "cpu", "metadata": {"value": "50"}}]}, "status": ` +
		strings.ReplaceAll(status, "Q", quoted) + `}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, object)
	}))
	t.Cleanup(s.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	config, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "fake",
		"clusters": []any{map[string]any{"name": "fake", "cluster": map[string]any{"server": s.URL}}},
		"contexts": []any{map[string]any{"name": "fake", "context": map[string]any{"cluster": "fake", "user": ""}}},
	})
	if err == nil {
		err = os.WriteFile(path, config, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return []string{"shop/web", "--kubeconfig", path}
}

func testTextOfStatusCannotControlTerminalOrForgeLine(t *testing.T) {
	decided := serveObject(t, `{"replicas": 3, "desiredReplicas": 3,
		"triggers": [{"name": "cpu", "type": "cpu", "lastError": Q}, {"name": Q, "type": "cron", "value": Q, "active": true}],
		"lastDecision": {"time": "2026-01-01T00:00:00.000000Z", "from": 3, "to": 4, "trigger": Q, "limitedBy": [Q], "steps": [{"rule": Q, "from": 3, "to": 4, "why": Q}]},
		"history": [{"time": "2026-01-01T00:00:00.000000Z", "from": 3, "to": 4, "trigger": Q, "limitedBy": [Q], "why": Q}]}`)
	for _, command := range []string{"explain", "history"} {
		for _, output := range []string{"text", "json", "yaml"} {
			runHostile(t, append(slices.Concat([]string{command}, decided), "-o", output)...)
		}
	}
	undecided := serveObject(t, `{"conditions": [{"type": "Ready", "status": "False", "reason": "TriggerFailed", "message": Q, "lastTransitionTime": "2026-01-01T00:00:00Z"}]}`)
	runHostile(t, append([]string{"explain"}, undecided...)...)
	runHostile(t, append([]string{"history"}, undecided...)...)
}
