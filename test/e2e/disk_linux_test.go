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

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestDisk(t *testing.T) {
	t.Parallel()
	t.Run("a full disk is a 503, and the replicas follow nevertheless", testFullDiskIs503AndReplicasFollowNevertheless)
}

// limit sets the largest file that a process may write; a larger write fails, as on a full disk.
func (e *env) limit(pid int, bytes string) {
	e.t.Helper()
	out, err := exec.CommandContext(e.t.Context(), "prlimit", "--pid", strconv.Itoa(pid), "--fsize="+bytes+":unlimited").CombinedOutput()
	if err != nil {
		e.t.Fatalf("prlimit: %v\n%s", err, out)
	}
}

func testFullDiskIs503AndReplicasFollowNevertheless(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	dir, states := t.TempDir(), t.TempDir()
	text := strings.Replace(onAlert("web"), "metadata: {name: web}", fmt.Sprintf("metadata: {name: web, namespace: %s}", e.Namespace), 1)
	if err := os.WriteFile(filepath.Join(dir, "web.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	i := e.run("--config", dir, "--state-dir", states)
	e.limit(i.PID(), "0")
	receiver := i.url + "/v1/alertmanager/" + e.Namespace
	if code := post(t.Context(), receiver, testkit.AlertmanagerWebhook("web", "firing")); code != http.StatusServiceUnavailable {
		t.Errorf("the response to an alert that cannot be recorded is %d, want 503", code)
	}
	e.AwaitReplicas("web", 5)
	e.limit(i.PID(), "unlimited")
	e.webhook(i, "web", "firing")

	i.Kill()
	stays := e.ExpectReplicas("web", 5)
	e.restart(i)
	stays()
	e.webhook(i, "web", "resolved")
	e.AwaitReplicas("web", 1)
}
