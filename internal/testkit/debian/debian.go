package debian

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// installVariable allows a test to install a package. It has an effect for root only.
	installVariable = "IMPULSE_TEST_INSTALL"
	installTimeout  = 10 * time.Minute
)

// Program returns the path of a program, given as an absolute path or a pattern of filepath.Glob, of a Debian package. It installs a
// missing package if IMPULSE_TEST_INSTALL is set and this process runs as root. Otherwise it skips the test, and names the package.
func Program(tb testing.TB, name, pattern string) string {
	tb.Helper()
	if path := process.Find(pattern); path != "" {
		return path
	}
	if os.Getenv(installVariable) == "" || os.Geteuid() != 0 {
		tb.Skipf("this test needs %s: install the Debian package %s, or run the test as root with %s=1", pattern, name, installVariable)
	}
	if err := install(tb.Context(), name); err != nil {
		tb.Fatal(err)
	}
	path := process.Find(pattern)
	if path == "" {
		tb.Fatalf("the Debian package %s has no %s", name, pattern)
	}
	return path
}

// Start starts a program that refuses to run as root. If this process is root, the program runs as the given user of its package.
func Start(tb testing.TB, name, user, binary string, args ...string) *testkit.Process {
	tb.Helper()
	binary, args = process.AsUser(user, binary, args...)
	return testkit.StartProgram(tb, name, binary, args...)
}

// install installs a package without the packages that it only recommends. Tests of several packages install one after the other.
func install(ctx context.Context, name string) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, installTimeout, fmt.Errorf("not installed within %s", installTimeout))
	defer cancel()
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "impulse-test-install.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("install the Debian package %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("wait for another installation: %w", err)
	}
	const env, quiet = "/usr/bin/env", "DEBIAN_FRONTEND=noninteractive"
	for _, args := range [][]string{
		{quiet, "apt-get", "-qq", "update"},
		{quiet, "apt-get", "-qq", "-y", "--no-install-recommends", "install", name},
	} {
		if out, err := process.Run(ctx, env, args...); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args[1:], " "), err, out)
		}
	}
	return nil
}
