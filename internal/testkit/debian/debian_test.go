package debian

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// outcome is a test that ends with a failure or a skip.
type outcome struct {
	testing.TB

	failed, skipped string
}

func (o *outcome) Helper() {}

func (o *outcome) Fatalf(format string, args ...any) {
	o.failed = fmt.Sprintf(format, args...)
	panic(o)
}

func (o *outcome) Skipf(format string, args ...any) {
	o.skipped = fmt.Sprintf(format, args...)
	panic(o)
}

func TestProgram(t *testing.T) {
	t.Run("of several versions the newest is used", testNewestVersionIsUsed)
	t.Run("without permission a missing package skips the test and is named", testMissingPackageSkipsTest)
}

func testNewestVersionIsUsed(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"14", "15"} {
		if err := os.WriteFile(filepath.Join(dir, "server-"+version), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := Program(t, "server", filepath.Join(dir, "server-*")), filepath.Join(dir, "server-15"); got != want {
		t.Errorf("Program returned %s, want %s", got, want)
	}
}

func testMissingPackageSkipsTest(t *testing.T) {
	t.Setenv(installVariable, "")
	o := &outcome{TB: t}
	func() {
		defer func() { _ = recover() }()
		Program(o, "impulse-nothing", filepath.Join(t.TempDir(), "nothing"))
	}()
	if o.failed != "" || !strings.Contains(o.skipped, "install the Debian package impulse-nothing") {
		t.Errorf("Program ended the test with failure %q and skip %q, want a skip that names the package", o.failed, o.skipped)
	}
}
