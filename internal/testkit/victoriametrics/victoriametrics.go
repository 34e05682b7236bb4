package victoriametrics

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

const (
	packages = "github.com/VictoriaMetrics/VictoriaMetrics/app/"
	module   = "internal/testkit/victoriametrics/programs"
	// buildTimeout bounds the first build, which compiles some 500 packages.
	buildTimeout = 15 * time.Minute
)

// Start starts victoria-metrics or vmagent. root is the path of the repository's root from the package of the test.
func Start(tb testing.TB, root, name string, args ...string) *testkit.Process {
	tb.Helper()
	sandbox.NeedsLevelAboveUnit(tb, "a real "+name)
	path, err := build(tb.Context(), filepath.Join(root, module), name)
	if err != nil {
		tb.Fatalf("build %s: %v", name, err)
	}
	return testkit.StartProgram(tb, name, path, args...)
}

// build returns the path of a program in the cache of the go command. Tests of several packages build one after the other.
func build(ctx context.Context, folder, name string) (path string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, buildTimeout, fmt.Errorf("not built within %s", buildTimeout))
	defer cancel()
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "impulse-test-victoriametrics.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("wait for another build: %w", err)
	}
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, "go", "-C", folder, "tool", "-n", packages+name)
	cmd.Env, cmd.Stderr = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off"), &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}
