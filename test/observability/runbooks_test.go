package observability

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestRunbooks(t *testing.T) {
	t.Run("every rule has a severity, texts and a runbook, and every runbook a rule", testEveryRuleHasRunbook)
	t.Run("every runbook has the same headings, in the same order", testEveryRunbookHasSameHeadings)
	t.Run("runbooks, rules and pages name only metrics that exist", testRunbooksNameOnlyMetricsThatExist)
}

// pages is where the runbooks are published.
const pages = "https://github.com/impulse-sh/impulse/blob/main/docs/runbooks/"

func runbooks(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(root, "docs/runbooks/*.md"))
	if err != nil || len(all) == 0 {
		t.Fatalf("found the runbooks %v, %v", all, err)
	}
	for i := range all {
		all[i] = strings.TrimSuffix(filepath.Base(all[i]), ".md")
	}
	return all
}

func testEveryRuleHasRunbook(t *testing.T) {
	all, written := rules(t), runbooks(t)
	for name, r := range all {
		if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s has the severity %q", name, r.Labels["severity"])
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s has no summary or no description", name)
		}
		if got, want := r.Annotations["runbook_url"], pages+name+".md"; got != want || !slices.Contains(written, name) {
			t.Errorf("%s has the runbook %s, want %s, which exists", name, got, want)
		}
	}
	for _, name := range written {
		if all[name].Alert == "" {
			t.Errorf("docs/runbooks/%s.md is about no rule", name)
		}
	}
}

var heading = regexp.MustCompile(`(?m)^#+ .*$`)

func testEveryRunbookHasSameHeadings(t *testing.T) {
	for _, name := range runbooks(t) {
		want := []string{"# " + name, "## Meaning", "## Impact", "## Diagnosis", "## Mitigation"}
		if got := heading.FindAllString(read(t, "docs/runbooks/"+name+".md"), -1); !slices.Equal(got, want) {
			t.Errorf("docs/runbooks/%s.md has the headings %q, want %q", name, got, want)
		}
	}
}

var (
	metricRow  = regexp.MustCompile("(?m)^\\| `(impulse_[a-z_]+)` \\| (\\w+) \\|")
	metricName = regexp.MustCompile(`\bimpulse_[a-z_]+`)
)

// metrics returns the type of each metric by its name.
func metrics(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, row := range metricRow.FindAllStringSubmatch(read(t, "docs/metrics.md"), -1) {
		all[row[1]] = row[2]
	}
	if len(all) < 30 {
		t.Fatalf("docs/metrics.md has only %d metrics: the pattern is broken", len(all))
	}
	return all
}

// unknownMetrics returns the names in a text that look like metrics of Impulse and are none.
func unknownMetrics(all map[string]string, text string) []string {
	var unknown []string
	for _, name := range metricName.FindAllString(text, -1) {
		if all[name] == "" && all[strings.TrimSuffix(name, "_bucket")] != "histogram" {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

func testRunbooksNameOnlyMetricsThatExist(t *testing.T) {
	all := metrics(t)
	files := []string{rulesFile, dashboardFile, "docs/observability.md"}
	for _, name := range runbooks(t) {
		files = append(files, "docs/runbooks/"+name+".md")
	}
	for _, file := range files {
		if unknown := unknownMetrics(all, read(t, file)); len(unknown) > 0 {
			t.Errorf("%s names the metrics %v, which do not exist", file, unknown)
		}
	}
	if unknown := unknownMetrics(all, "impulse_leader, impulse_event_to_write_seconds_bucket, impulse_ledaer, impulse_leader_bucket"); len(unknown) != 2 {
		t.Errorf("of 4 names, got the unknown ones %v, want 2", unknown)
	}
	if _, err := os.Stat(filepath.Join(root, dashboardFile)); err != nil {
		t.Error(err)
	}
}
