package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// buildTimeout bounds compiling one command.
const buildTimeout = 5 * time.Minute

// commands are the commands of this repository that a test process has built, by name.
var commands struct {
	mu    sync.Mutex
	dir   string
	paths map[string]string
}

// Main runs the tests of a package that calls Command, and removes what was built for them. Its TestMain calls it.
func Main(m *testing.M) int {
	defer func() { _ = os.RemoveAll(commands.dir) }()
	return m.Run()
}

// Command returns the path of a command of this repository, such as ./cmd/impulse. It is built once per test process. root is
// the path of the repository's root from the package of the test.
func Command(tb testing.TB, root, pkg string) string {
	tb.Helper()
	require(tb, kubeconfigVariable, "a real API server")
	commands.mu.Lock()
	defer commands.mu.Unlock()
	name := filepath.Base(pkg)
	if path, ok := commands.paths[name]; ok {
		return path
	}
	if err := build(name, root, pkg); err != nil {
		tb.Fatal(err)
	}
	return commands.paths[name]
}

func build(name, root, pkg string) error {
	if commands.paths == nil {
		dir, err := os.MkdirTemp("", "impulse-test-")
		if err != nil {
			return fmt.Errorf("create a folder for commands: %w", err)
		}
		commands.dir, commands.paths = dir, map[string]string{}
	}
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	path, err := process.Build(ctx, commands.dir, name, root, pkg)
	if err != nil {
		return err
	}
	commands.paths[name] = path
	return nil
}
