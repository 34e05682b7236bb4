package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestDashboard(t *testing.T) {
	t.Parallel()
	t.Run("every query of the dashboard, and every metric of the alert rules, has data, with native and with classic histograms", testEveryQueryOfDashboardHasData)
}

// dashboardQueries returns the queries of the dashboard for one object, by the titles of their panels.
func dashboardQueries(t *testing.T, namespace, object string) map[string]string {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	content, err := os.ReadFile(filepath.Join(root, "deploy/chart/files/dashboard.json"))
	if err == nil {
		err = json.Unmarshal(content, &dashboard)
	}
	if err != nil {
		t.Fatal(err)
	}
	values := strings.NewReplacer("$__rate_interval", "1m", "$namespace", namespace, "$scaledobject", object)
	all := map[string]string{}
	for _, p := range dashboard.Panels {
		for i, q := range p.Targets {
			all[fmt.Sprintf("%s, %d", p.Title, i)] = values.Replace(q.Expr)
		}
	}
	return all
}

var metricOfRule = regexp.MustCompile(`\bimpulse_[a-z_]+[a-z]`)

// ruleMetrics returns a query for each metric that the alert rules name.
func ruleMetrics(t *testing.T) map[string]string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "deploy/chart/files/alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range metricOfRule.FindAllString(string(content), -1) {
		histogram, _ := strings.CutSuffix(name, "_bucket") // Prometheus has either of them.
		all["the rules' "+histogram] = fmt.Sprintf("count(%[1]s) or count(%[1]s_bucket)", histogram)
	}
	return all
}

// prometheusOf starts a real Prometheus that scrapes an impulse every second.
func (e *env) prometheusOf(i *impulse, native bool) string {
	e.t.Helper()
	config := filepath.Join(e.t.TempDir(), "prometheus.yml")
	text := fmt.Sprintf(`
global: {scrape_interval: 1s}
scrape_configs:
- {job_name: impulse, honor_labels: true, scrape_native_histograms: %t, static_configs: [{targets: ['%s'], labels: {namespace: impulse-system}}]}
`, native, strings.TrimPrefix(i.url, "http://"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
	address := testkit.FreeAddress(e.t)
	e.spawn("prometheus", sandbox.Binary(e.t, "prometheus"), "--config.file", config, "--storage.tsdb.path", e.t.TempDir(), "--web.listen-address", address)
	return "http://" + address
}

// hasData reports whether a query has a result.
func hasData(ctx context.Context, prometheus, query string) (bool, string) {
	code, text := testkit.Get(ctx, prometheus+"/api/v1/query?query="+url.QueryEscape(query))
	var answer struct {
		Data struct{ Result []any }
	}
	if code != http.StatusOK || json.Unmarshal([]byte(text), &answer) != nil {
		return false, text
	}
	return len(answer.Data.Result) > 0, "no data"
}

// sinkThatIsDown returns a file with a sink that no notification reaches.
func sinkThatIsDown(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "notifications.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "sinks: [{name: down, http: {url: 'http://%s'}}]\n", testkit.FreeAddress(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func testEveryQueryOfDashboardHasData(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 1
  maxReplicaCount: 5
  pollingInterval: 1
  fallback: {failureThreshold: 1, replicas: 2}
  triggers:
  - {type: push, name: jobs, metadata: {threshold: 1}}
  - {type: alertmanager, name: slow, metadata: {matchers: 'alertname="Slow"', replicas: 2}}
  - {type: metrics-api, name: down, metadata: {url: 'http://%s', valueLocation: n, targetValue: "1"}}
`, testkit.FreeAddress(t)))
	i := e.run("--notifications-file", sinkThatIsDown(t), "--admission-listen", testkit.FreeAddress(t), "--admission-webhook", e.Namespace)
	native, classic := e.prometheusOf(i, true), e.prometheusOf(i, false)
	e.until("the level is recorded", func(ctx context.Context) (bool, error) {
		code, _ := testkit.Request(ctx, http.MethodPut, fmt.Sprintf("%s/v1/namespaces/%s/scaledobjects/web/triggers/jobs", i.url, e.Namespace), "", []byte(`{"value": 20}`))
		return code == http.StatusOK, i.Err()
	}, func() string { return i.LogTail(logTail) })
	e.AwaitReplicas("web", 5)
	e.until("the alert is recorded", func(ctx context.Context) (bool, error) {
		return post(ctx, i.url+"/v1/alertmanager/"+e.Namespace, testkit.AlertmanagerWebhook("Slow", "firing")) == http.StatusOK, i.Err()
	}, func() string { return i.LogTail(logTail) })
	queries := dashboardQueries(t, e.Namespace, "web")
	if len(queries) < 40 {
		t.Fatalf("found only %d queries", len(queries))
	}
	maps.Copy(queries, ruleMetrics(t))
	for kind, prometheus := range map[string]string{"native": native, "classic": classic} {
		missing, why := maps.Clone(queries), ""
		e.until("every query has data, with "+kind+" histograms", func(ctx context.Context) (bool, error) {
			for name, query := range missing {
				found, problem := hasData(ctx, prometheus, query)
				if found {
					delete(missing, name)
				} else {
					why = problem
				}
			}
			return len(missing) == 0, i.Err()
		}, func() string { return fmt.Sprintf("%v\n%s", missing, why) })
	}
}
