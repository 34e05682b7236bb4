package sandbox

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
)

// Target is what Prometheus scrapes at an address, and the labels that it adds to the series.
type Target struct {
	Address string
	Labels  map[string]string
}

// Scrape has the Prometheus of the sandbox that all tests share scrape targets, every second, until the test ends. The sandbox's metrics
// adapter serves their series. job is a name that no other test has.
func Scrape(tb testing.TB, job string, targets ...Target) {
	tb.Helper()
	scrape(tb, require(tb, dirVariable, "a real Prometheus"), require(tb, prometheusVariable, "a real Prometheus"), job, targets)
}

// Scrape has the Prometheus of the control plane scrape targets, every second.
func (c *ControlPlane) Scrape(job string, targets ...Target) {
	c.tb.Helper()
	scrape(c.tb, c.dir, c.at.Prometheus, job, targets)
}

func scrape(tb testing.TB, dir, prometheus, job string, targets []Target) {
	tb.Helper()
	groups := make([]any, len(targets))
	for i, target := range targets {
		groups[i] = map[string]any{"targets": []string{target.Address}, "labels": target.Labels}
	}
	content, err := json.Marshal(map[string]any{"scrape_configs": []any{map[string]any{"job_name": job, "static_configs": groups}}})
	if err != nil {
		tb.Fatal(err)
	}
	file := filepath.Join(dir, "scrape", job+".yml") // JSON is YAML.
	if err := os.WriteFile(file+".new", content, 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil { // Another test may reload now.
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.Remove(file) })                                    // The next reload forgets it.
	testkit.Eventually(tb, "Prometheus reloads", func(ctx context.Context) bool { // It fails while the file of another test goes away.
		code, _ := testkit.Post(ctx, prometheus+"/-/reload", nil)
		return code == http.StatusOK
	})
}
