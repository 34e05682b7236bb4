package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestCLI(t *testing.T) {
	t.Parallel()
	t.Run("a sent alert is counted, listed and in its AlertSet", testSentAlertIsCountedListedAndInItsAlertSet)
	t.Run("an object of file mode is explained, and its alerts are listed", testObjectOfFileModeIsExplainedAndItsAlertsAreListed)
	t.Run("a real Prometheus refuses a query that it cannot parse", testRealPrometheusRefusesQueryThatItCannotParse)
	t.Run("the command has at most 52 MB", testCommandHasAtMost52MB)
	t.Run("kubectl explain names every type of trigger and every parameter", testKubectlExplainNamesEveryTypeOfTriggerAndEveryParameter)
}

func testSentAlertIsCountedListedAndInItsAlertSet(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	i := e.run()
	e.condition("web", "Ready", "True", "Ready")
	send := func(labels ...string) (out string) {
		e.until("the alert is sent", func(ctx context.Context) (bool, error) { // It fails while nothing is recorded in time.
			var err error
			out, err = process.Run(ctx, e.command, append([]string{"send", "alert", "--server", i.url, "-n", e.Namespace}, labels...)...)
			return err == nil, i.Err()
		}, func() string { return out })
		return out
	}
	if out := send("alertname=web", "severity=scale"); !strings.Contains(out, "for the objects of namespace "+e.Namespace+"; 1 object selects it\n") {
		t.Errorf("send: %s", out)
	}
	send("alertname=other")
	out, err := e.tool(t.Context(), "alerts", "--lease-namespace", e.Namespace, "-o", "wide")
	lines := strings.Split(out, "\n")
	if err != nil || len(lines) != 4 || strings.Fields(lines[1])[1] != "other" || !strings.Contains(lines[2], e.Namespace+"/web") || !strings.Contains(lines[2], `{alertname="web", severity="scale"}`) {
		t.Errorf("alerts: %v\n%s", err, out)
	}
	if out, err := e.tool(t.Context(), "alerts", "--lease-namespace", e.Namespace, "severity!=scale"); err != nil || strings.Contains(out, "/web") || !strings.Contains(out, "other") {
		t.Errorf("alerts with a matcher: %v\n%s", err, out)
	}
	sets, err := e.Kubectl(t.Context(), "", "get", "alertsets")
	rows := strings.Split(sets, "\n")
	for i := range rows {
		rows[i] = strings.Join(strings.Fields(rows[i]), " ")
	}
	if err != nil || len(rows) < 3 || rows[0] != "NAME FOR FIRING PUSHED RESOLVED ALERTS WRITTEN" ||
		!strings.Contains(rows[1], e.Namespace+" 1 0 0 web ") || !strings.Contains(rows[2], e.Namespace+" 1 0 0 other ") {
		t.Errorf("kubectl get alertsets: %v\n%s", err, sets)
	}
}

func testObjectOfFileModeIsExplainedAndItsAlertsAreListed(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	dir, states := t.TempDir(), t.TempDir()
	text := strings.Replace(onAlert("web"), "metadata: {name: web}", "metadata: {name: web, namespace: "+e.Namespace+"}", 1)
	if err := os.WriteFile(filepath.Join(dir, "web.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	i := e.run("--config", dir, "--state-dir", states)
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	about := []string{"--config", dir, "--state-dir", states, "-n", e.Namespace}
	for _, c := range []struct{ args, want string }{
		{"explain web", "keeps 5 replicas."}, {"history web", "1 → 5"}, {"alerts", e.Namespace + "/web"},
	} {
		var out string
		e.until("impulse "+c.args+" shows what happened", func(ctx context.Context) (bool, error) {
			var err error
			out, err = process.Run(ctx, e.command, append(strings.Fields(c.args), about...)...)
			return err == nil && strings.Contains(out, c.want), i.Err()
		}, func() string { return out })
	}
}

func testRealPrometheusRefusesQueryThatItCannotParse(t *testing.T) {
	e := newEnv(t)
	address := testkit.FreeAddress(t)
	e.prometheus(address, testkit.FreeAddress(t))
	file := filepath.Join(t.TempDir(), "web.yaml")
	for query, want := range map[string]string{
		"sum(rate(hits[1m]))": "1 ScaledObject is valid\n", "sums(up)": `unknown function with name "sums"`, "sum(rate(hits))": "expected type range vector",
	} {
		text := fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  triggers: [{type: prometheus, metadata: {serverAddress: 'http://%s', query: '%s', threshold: 100}}]
`, address, query)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := process.Run(t.Context(), e.command, "check", file); err != nil {
			t.Errorf("%s, without asking a server: %v\n%s", query, err, out)
		}
		var out string
		e.until("the server has parsed "+query, func(ctx context.Context) (bool, error) {
			out, _ = process.Run(ctx, e.command, "check", file, "--prometheus", "http://"+address)
			return strings.Contains(out, want), nil
		}, func() string { return out })
	}
}

func testKubectlExplainNamesEveryTypeOfTriggerAndEveryParameter(t *testing.T) {
	e := newEnv(t)
	var out string
	e.until("the API server describes a new CRD", func(ctx context.Context) (bool, error) {
		var err error
		out, err = e.Kubectl(ctx, "", "explain", "so.spec.triggers")
		return err == nil, nil
	}, func() string { return out })
	_, bridged, _ := strings.Cut(strings.Join(strings.Fields(out), " "), "The KEDA bridge serves these types, which have KEDA's parameters: ")
	bridged, _, _ = strings.Cut(bridged, ".")
	for _, k := range builtin.Kinds() {
		named := strings.Contains(out, k.Name+": ")
		if k.Requires != "" {
			named = slices.Contains(strings.Split(bridged, ", "), k.Name)
		}
		if !named {
			t.Errorf("%s is not named", k.Name)
		}
		for _, f := range k.Fields {
			if !strings.Contains(out, "- "+f.Key+" ("+f.Type) {
				t.Errorf("%s: the parameter %s is not named", k.Name, f.Key)
			}
		}
	}
}

// The limit of 52 MB is for what `make build` builds. The command of this test is 1.7 MB larger, because `make build` compiles the generated code of
// the Kubernetes API without inlining.
// Both have 21 MB more when the linker must keep every exported method (third_party/expr/README.md), and 8 MB more with the types of all groups of
// Kubernetes (third_party/leaderelection/README.md).
func testCommandHasAtMost52MB(t *testing.T) {
	e := newEnv(t)
	info, err := os.Stat(e.command)
	if err != nil {
		t.Fatal(err)
	}
	if got, most := info.Size(), int64(52_000_000+1_700_000); got > most {
		t.Errorf("%s has %d bytes, want at most %d", e.command, got, most)
	}
}
