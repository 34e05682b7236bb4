package testkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// buildTimeout bounds the first build of a tool, which may compile some 500 packages.
const buildTimeout = 15 * time.Minute

// GoTool builds a tool of the module in a folder, and returns its path in the cache of the go command. Tests of several packages that
// have the same lock build one after the other. env is added to the environment of the go command.
func GoTool(ctx context.Context, lock, folder, tool string, env ...string) (path string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, buildTimeout, fmt.Errorf("not built within %s", buildTimeout))
	defer cancel()
	file, err := os.OpenFile(filepath.Join(os.TempDir(), "impulse-test-"+lock+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("wait for another build: %w", err)
	}
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, "go", "-C", folder, "tool", "-n", tool)
	cmd.Env, cmd.Stderr = append(append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off"), env...), &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}
