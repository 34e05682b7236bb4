package promtool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

const (
	module = "internal/testkit/promtool/programs"
	// buildTimeout bounds the first build.
	buildTimeout = 15 * time.Minute
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
		if built.path, err = build(tb.Context(), filepath.Join(root, module)); err != nil {
			tb.Fatalf("build promtool: %v", err)
		}
	}
	cmd := exec.CommandContext(tb.Context(), built.path, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// build returns the path of promtool in the cache of the go command. Tests of several packages build one after the other.
func build(ctx context.Context, folder string) (path string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, buildTimeout, fmt.Errorf("not built within %s", buildTimeout))
	defer cancel()
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "impulse-test-promtool.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("wait for another build: %w", err)
	}
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, "go", "-C", folder, "tool", "-n", "promtool")
	// Without the tag, promtool has every service discovery, and takes five times as long to compile.
	cmd.Env, cmd.Stderr = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-buildvcs=false -tags=remove_all_sd"), &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}
