package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestNotifications(t *testing.T) {
	t.Run("a process does not start with an invalid file", testProcessDoesNotStartWithInvalidFile)
}

// writeSinks writes a file of sinks, and returns its path.
func writeSinks(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sinks.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func testProcessDoesNotStartWithInvalidFile(t *testing.T) {
	o := Defaults()
	o.Kubeconfig, o.Config, o.StateDir, o.Listen = unreachableCluster(t), t.TempDir(), t.TempDir(), testkit.FreeAddress(t)
	o.NotificationsFile, o.ClusterName, o.LogTo = writeSinks(t, "sinks:\n- name: chat\n  htp: {}\n"), "a b", testkit.NewLog(t)
	if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--cluster-name") {
		t.Errorf("got the error %v, want that of --cluster-name", err)
	}
	o.ClusterName = "prod-1"
	err := Run(t.Context(), o)
	if want := `sinks.yaml:3:3: sinks[0]: unknown field (did you mean "http"?)`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got the error %v, want %q", err, want)
	}
}
