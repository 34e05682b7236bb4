package observability

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/internal/testkit/promtool"
)

func TestRules(t *testing.T) {
	t.Run("promtool has no objection to the rules", testPromtoolHasNoObjectionToRules)
	t.Run("every rule fires when it should, and then says what it should", testEveryRuleFiresWhenItShould)
	t.Run("no rule fires while all is well", testNoRuleFiresWhileAllIsWell)
	t.Run("every rule has a test, and no other", testEveryRuleHasTest)
}

// root is the repository's root, and rulesFile the path of the rules from there.
const (
	root      = "../.."
	rulesFile = "deploy/chart/files/alerts.yaml"
)

// rule is an alert rule.
type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// rules returns the rules by their names.
func rules(t *testing.T) map[string]rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []rule `json:"rules"`
		} `json:"groups"`
	}
	if err := yaml.Unmarshal([]byte(read(t, rulesFile)), &file); err != nil {
		t.Fatal(err)
	}
	all := map[string]rule{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			all[r.Alert] = r
		}
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func testPromtoolHasNoObjectionToRules(t *testing.T) {
	if out, err := promtool.Run(t, root, root, "check", "rules", "--lint=all", "--lint-fatal", rulesFile); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// ruleTest is a test in a test file of promtool, with a sample each minute.
type ruleTest struct {
	Name     string      `json:"name"`
	Interval string      `json:"interval"`
	Input    []input     `json:"input_series"`
	Alerts   []alertTest `json:"alert_rule_test"`
}

type input struct {
	Series string `json:"series"`
	Values string `json:"values"`
}

// alertTest has the alerts that one rule fires at a time.
type alertTest struct {
	At     string          `json:"eval_time"`
	Name   string          `json:"alertname"`
	Alerts []expectedAlert `json:"exp_alerts"`
}

type expectedAlert struct {
	Labels      set `json:"exp_labels"`
	Annotations set `json:"exp_annotations"`
}

// inputs returns series in a stable order.
func inputs(series set) []input {
	var all []input
	for _, name := range slices.Sorted(maps.Keys(series)) {
		all = append(all, input{name, series[name]})
	}
	return all
}

// runTests runs tests of the rules with promtool.
func runTests(t *testing.T, tests []ruleTest) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, rulesFile))
	if err != nil {
		t.Fatal(err)
	}
	content, err := yaml.Marshal(map[string]any{"rule_files": []string{path}, "evaluation_interval": "1m", "tests": tests})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tests.yaml"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := promtool.Run(t, root, dir, "test", "rules", "tests.yaml"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// placeholder is a label or the value in an annotation.
var placeholder = regexp.MustCompile(`{{ \$(?:labels\.([a-z]+)|value)[^}]* }}`)

// expected returns the alert that a firing leads to.
func (r rule) expected(f firing) expectedAlert {
	a := expectedAlert{Labels: maps.Clone(r.Labels), Annotations: set{}}
	maps.Copy(a.Labels, f.labels)
	for name, text := range r.Annotations {
		a.Annotations[name] = placeholder.ReplaceAllStringFunc(text, func(found string) string {
			if label := placeholder.FindStringSubmatch(found)[1]; label != "" {
				return f.labels[label]
			}
			return f.value
		})
	}
	return a
}

func testEveryRuleFiresWhenItShould(t *testing.T) {
	all := rules(t)
	var tests []ruleTest
	for name, examples := range firings() {
		for i, f := range examples {
			one := ruleTest{Name: fmt.Sprintf("%s fires, %d", name, i), Interval: "1m", Input: inputs(f.series), Alerts: []alertTest{
				{At: fmt.Sprintf("%dm", f.at), Name: name, Alerts: []expectedAlert{all[name].expected(f)}},
			}}
			if f.at > 0 {
				one.Alerts = append(one.Alerts, alertTest{At: fmt.Sprintf("%dm", f.at-1), Name: name, Alerts: []expectedAlert{}})
			}
			quiet := ruleTest{Name: fmt.Sprintf("%s is quiet, %d", name, i), Interval: "1m", Input: inputs(f.quiet)}
			for minute := 0; minute <= max(30, f.at); minute += max(1, f.at/60) {
				quiet.Alerts = append(quiet.Alerts, alertTest{At: fmt.Sprintf("%dm", minute), Name: name, Alerts: []expectedAlert{}})
			}
			tests = append(tests, one, quiet)
		}
	}
	runTests(t, tests)
}

func testNoRuleFiresWhileAllIsWell(t *testing.T) {
	well := ruleTest{Name: "all is well", Interval: "1m", Input: inputs(healthy())}
	for name := range rules(t) {
		for minute := range 60 {
			well.Alerts = append(well.Alerts, alertTest{At: fmt.Sprintf("%dm", minute), Name: name, Alerts: []expectedAlert{}})
		}
	}
	runTests(t, []ruleTest{well})
}

func testEveryRuleHasTest(t *testing.T) {
	all, tested := rules(t), firings()
	if len(all) < 10 {
		t.Fatalf("found only the rules %v", all)
	}
	for name := range all {
		if len(tested[name]) == 0 {
			t.Errorf("%s has no test", name)
		}
	}
	for name := range tested {
		if all[name].Alert == "" {
			t.Errorf("there is a test of %s, and no such rule", name)
		}
	}
}
