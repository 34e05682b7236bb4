package sandbox

import (
	"os"
	"testing"
)

// Variables that `make test` sets.
const (
	// binVariable names the folder with the sandbox's programs.
	binVariable = "IMPULSE_SANDBOX_BIN"
	// kubeconfigVariable names the kubeconfig of a running sandbox, with an administrator's permissions.
	kubeconfigVariable = "IMPULSE_SANDBOX_KUBECONFIG"
	// dirVariable and prometheusVariable name the folder and the Prometheus of that sandbox.
	dirVariable        = "IMPULSE_TEST_SANDBOX_DIR"
	prometheusVariable = "IMPULSE_TEST_PROMETHEUS_URL"
	// commandVariable names the command that runs sandboxes.
	commandVariable = "IMPULSE_TEST_SANDBOX"
	// levelVariable is "unit" in `make test-unit`, and unset otherwise.
	levelVariable = "IMPULSE_TEST_LEVEL"
)

// require returns a variable's value. Without one it fails the test, because a skipped test would hide that a part is missing;
// at the unit level it skips the test, and test/unit counts it.
func require(tb testing.TB, variable, part string) string {
	tb.Helper()
	NeedsLevelAboveUnit(tb, part)
	value := os.Getenv(variable)
	if value == "" {
		tb.Fatalf("this test needs %s: run `make test`, or set %s", part, variable)
	}
	return value
}

// NeedsLevelAboveUnit skips the test at the unit level. part is what the test needs.
func NeedsLevelAboveUnit(tb testing.TB, part string) {
	tb.Helper()
	if os.Getenv(levelVariable) == "unit" {
		tb.Skipf("not at the unit level: this test needs %s", part)
	}
}
