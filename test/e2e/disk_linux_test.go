package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// limit sets how large a file may be that a process writes; what goes beyond fails, as on a full disk.
func (w *world) limit(pid int, bytes string) {
	w.t.Helper()
	out, err := exec.CommandContext(w.t.Context(), "prlimit", "--pid", strconv.Itoa(pid), "--fsize="+bytes+":unlimited").CombinedOutput()
	if err != nil {
		w.t.Fatalf("prlimit: %v\n%s", err, out)
	}
}

func TestAFullDiskIsA503AndReplicasFollowAllTheSame(t *testing.T) {
	w := newWorld(t)
	w.deployment("web", 1)
	dir, states := t.TempDir(), t.TempDir()
	text := strings.Replace(onAlert("web"), "metadata: {name: web}", fmt.Sprintf("metadata: {name: web, namespace: %s}", w.ns), 1)
	if err := os.WriteFile(filepath.Join(dir, "web.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	i := w.run("--config", dir, "--state-dir", states)
	w.limit(i.PID(), "0")
	door := i.url + "/v1/alertmanager/" + w.ns
	if code := post(t.Context(), door, webhookBody("web", "firing")); code != http.StatusServiceUnavailable {
		t.Errorf("an alert that cannot be recorded was answered with %d", code)
	}
	w.replicas("web", 5)
	w.limit(i.PID(), "unlimited")
	w.webhook(i, "web", "firing")

	i.Kill()
	stays := w.never("web", 5)
	w.restart(i)
	stays()
	w.webhook(i, "web", "resolved")
	w.replicas("web", 1)
}
