package promtool

import (
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

const (
	module = "internal/testkit/promtool/programs"
	// flags leave out the service discoveries, with which promtool takes five times as long to compile.
	flags = "GOFLAGS=-buildvcs=false -tags=remove_all_sd"
)

// built has the path of promtool once this test process has found it.
var built struct {
	mu   sync.Mutex
	path string
}

// Run runs promtool in a folder, and returns its output. root is the path of the repository's root from the package of the test.
func Run(tb testing.TB, root, dir string, args ...string) (output string, err error) {
	tb.Helper()
	sandbox.NeedsLevelAboveUnit(tb, "a real promtool")
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.path == "" {
		if built.path, err = testkit.GoTool(tb.Context(), "promtool", filepath.Join(root, module), "promtool", flags); err != nil {
			tb.Fatalf("build promtool: %v", err)
		}
	}
	cmd := exec.CommandContext(tb.Context(), built.path, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}
