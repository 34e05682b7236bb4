package sandbox

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
)

// testResult is a testing.TB that records how it was ended.
type testResult struct {
	testing.TB
	skipped, failed string
}

func (v *testResult) Helper() {}

func (v *testResult) Fatalf(format string, args ...any) {
	v.failed = fmt.Sprintf(format, args...)
	panic(v)
}

func (v *testResult) Skipf(format string, args ...any) {
	v.skipped = fmt.Sprintf(format, args...)
	panic(v)
}

// binaryResult calls Binary with a testResult in the place of the test.
func binaryResult(t *testing.T) *testResult {
	t.Helper()
	v := &testResult{TB: t}
	func() {
		defer func() { _ = recover() }()
		Binary(v, "nats-server")
	}()
	return v
}

func TestProgram(t *testing.T) {
	t.Run("a missing program fails the test and names the command that builds it", testMissingProgramFails)
	t.Run("at the unit level a test that needs a program is skipped", testUnitLevelSkips)
	t.Run("a program is gone after it was killed", testKilledProgramIsGone)
}

func testMissingProgramFails(t *testing.T) {
	for name, dir := range map[string]string{"no folder": "", "an empty folder": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(levelVariable, "")
			t.Setenv(binVariable, dir)
			if v := binaryResult(t); v.skipped != "" || !strings.Contains(v.failed, "run `make test`") {
				t.Errorf("Binary ended the test with failure %q and skip %q, want a failure that says: run `make test`", v.failed, v.skipped)
			}
		})
	}
}

func testUnitLevelSkips(t *testing.T) {
	t.Setenv(levelVariable, "unit")
	for _, dir := range []string{"", t.TempDir()} {
		t.Setenv(binVariable, dir)
		if v := binaryResult(t); v.failed != "" || !strings.Contains(v.skipped, "nats-server") {
			t.Errorf("with %s=%q Binary ended the test with failure %q and skip %q, want a skip that names nats-server",
				binVariable, dir, v.failed, v.skipped)
		}
	}
}

func testKilledProgramIsGone(t *testing.T) {
	address := testkit.FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	p := Start(t, "nats-server", "-a", "127.0.0.1", "-p", port)
	p.WaitListening(address)
	p.Kill()
	if err := p.Process.Signal(syscall.Signal(0)); err == nil {
		t.Error("the process still exists after Kill")
	}
	dialer := net.Dialer{Timeout: time.Second}
	if conn, err := dialer.DialContext(t.Context(), "tcp", address); err == nil {
		_ = conn.Close()
		t.Errorf("something still listens on %s after Kill", address)
	}
}
