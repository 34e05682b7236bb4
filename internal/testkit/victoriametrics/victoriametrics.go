package victoriametrics

import (
	"path/filepath"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

const (
	packages = "github.com/VictoriaMetrics/VictoriaMetrics/app/"
	module   = "internal/testkit/victoriametrics/programs"
)

// Start starts victoria-metrics or vmagent. root is the path of the repository's root from the package of the test.
func Start(tb testing.TB, root, name string, args ...string) *testkit.Process {
	tb.Helper()
	sandbox.NeedsLevelAboveUnit(tb, "a real "+name)
	path, err := testkit.GoTool(tb.Context(), "victoriametrics", filepath.Join(root, module), packages+name)
	if err != nil {
		tb.Fatalf("build %s: %v", name, err)
	}
	return testkit.StartProgram(tb, name, path, args...)
}
