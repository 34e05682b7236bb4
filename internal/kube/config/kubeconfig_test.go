package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/kube/config"
)

func TestKubeconfig(t *testing.T) {
	t.Run("the cluster is the context's", testClusterIsContexts)
	t.Run("a missing cluster is reported with the places that were searched", testMissingClusterIsReportedWithPlacesThatWereSearched)
}

const two = `{apiVersion: v1, kind: Config, current-context: near, contexts: [{name: near, context: {cluster: near}},
{name: far, context: {cluster: far}}], clusters: [{name: near, cluster: {server: "https://near"}}, {name: far, cluster: {server: "https://far"}}]}`

func testClusterIsContexts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(two), 0o600); err != nil {
		t.Fatal(err)
	}
	for context, want := range map[string]string{"": "https://near", "far": "https://far"} {
		config, err := config.Config(config.Find(file, context))
		if err != nil || config.Host != want {
			t.Errorf("context %q: %+v, %v; want %s", context, config, err, want)
		}
	}
	if _, err := config.Config(config.Find(file, "absent")); err == nil || !strings.Contains(err.Error(), `context "absent" does not exist`) {
		t.Errorf("a context that is not there: %v", err)
	}
}

func testMissingClusterIsReportedWithPlacesThatWereSearched(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	t.Setenv("KUBECONFIG", absent)
	if _, err := config.Config(config.Find("", "")); err == nil || !strings.Contains(err.Error(), absent+" names none") {
		t.Errorf("got %v, want that %s names no cluster", err, absent)
	}
	if _, err := config.Config(config.Find(absent, "")); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v, want that the file of --kubeconfig is missing", err)
	}
}
