package chart

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/internal/testkit/helm"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	t.Run("alert rules and the dashboard are included as they are", testAlertRulesAndDashboardAreIncludedAsTheyAre)
}

const (
	someRules = `# Comment
groups:
- name: impulse
  rules:
  - alert: ImpulseDown
    expr: absent(impulse_leader)
    annotations: {summary: "{{ $labels.namespace }} has {{ $value }}"}
`
	someDashboard = `{
 "title": "Impulse",
 "panels": [{"legendFormat": "{{scaledobject}}", "expr": "sum by (namespace) (impulse_leader{cluster=\"$cluster\"})"}]
}
`
)

// testAlertRulesAndDashboardAreIncludedAsTheyAre renders a copy of the chart with files of its own: their templates belong to Prometheus and
// Grafana, and Helm must not touch them.
func testAlertRulesAndDashboardAreIncludedAsTheyAre(t *testing.T) {
	t.Parallel()
	copied := filepath.Join(t.TempDir(), "impulse")
	if err := os.CopyFS(copied, os.DirFS(filepath.Join(root, helm.Chart))); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"alerts.yaml": someRules, "dashboard.json": someDashboard} {
		if err := os.WriteFile(filepath.Join(copied, "files", name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	values := set("prometheusRule.enabled=true", "prometheusRule.labels.release=kps", "grafanaDashboard.enabled=true", "grafanaDashboard.annotations.folder=Scaling")
	text, err := helm.Run(t, root, append([]string{"template", "impulse", copied, "--namespace", "impulse-system"}, values...)...)
	if err != nil {
		t.Fatal(err)
	}
	all := decode(t, text)
	rule, dashboard := find(t, all, "PrometheusRule", "impulse"), find(t, all, "ConfigMap", "impulse-dashboard")
	var want map[string]any
	if err := yaml.Unmarshal([]byte(someRules), &want); err != nil {
		t.Fatal(err)
	}
	if got, wanted := asYAML(t, rule.Object["spec"]), asYAML(t, want); got != wanted {
		t.Errorf("the PrometheusRule has\n%s\nwant\n%s", got, wanted)
	}
	if content, _, err := unstructured.NestedString(dashboard.Object, "data", "impulse.json"); err != nil || content+"\n" != someDashboard {
		t.Errorf("the dashboard is %v\n%s\nwant\n%s", err, content, someDashboard)
	}
	if rule.GetLabels()["release"] != "kps" || dashboard.GetLabels()["grafana_dashboard"] != "1" || dashboard.GetAnnotations()["folder"] != "Scaling" {
		t.Errorf("the labels are %v and %v, and the annotations %v", rule.GetLabels(), dashboard.GetLabels(), dashboard.GetAnnotations())
	}
}

// asYAML returns a value as YAML, with sorted keys.
func asYAML(t *testing.T, v any) string {
	t.Helper()
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
