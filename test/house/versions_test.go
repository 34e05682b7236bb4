package house

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVersions(t *testing.T) {
	t.Run("Impulse and the sandbox use the same versions", testImpulseAndSandboxUseSameVersions)
}

// own lists the modules whose version in the sandbox differs on purpose: Prometheus requires a newer Alertmanager, and the
// sandbox replaces it by ours.
var own = map[string]bool{"github.com/prometheus/alertmanager": true}

func testImpulseAndSandboxUseSameVersions(t *testing.T) {
	impulse, sandbox := versions(t, "go.mod"), versions(t, "deploy/sandbox/programs/go.mod")
	shared := 0
	for module, version := range impulse {
		other, ok := sandbox[module]
		if !ok || own[module] {
			continue
		}
		shared++
		if other != version {
			t.Errorf("%s is %s in go.mod and %s in deploy/sandbox/programs/go.mod: use the newer one in both, or everything that imports it is compiled twice",
				module, version, other)
		}
	}
	if shared < 40 {
		t.Errorf("only %d modules are shared", shared)
	}
}

// versions returns the required versions of a go.mod by module.
func versions(t *testing.T, path string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "\t") && len(fields) >= 2 && strings.HasPrefix(fields[1], "v") {
			found[fields[0]] = fields[1]
		}
	}
	return found
}
