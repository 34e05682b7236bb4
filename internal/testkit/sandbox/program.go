package sandbox

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
)

// Binary returns the path of a program of the sandbox. The test fails when it is missing.
func Binary(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(filepath.Join(require(tb, binVariable, "a real "+name), name))
	if err != nil {
		tb.Fatalf("this test needs a real %s: run `make test`, which builds it (%v)", name, err)
	}
	return path
}

// Start starts a program of the sandbox.
func Start(tb testing.TB, name string, args ...string) *testkit.Process {
	tb.Helper()
	return testkit.StartProgram(tb, name, Binary(tb, name), args...)
}
