//go:build bridge

package keda

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/debian"
	"github.com/impulse-sh/impulse/triggers"
)

func TestRealBridge(t *testing.T) {
	t.Run("a level is unknown while the real bridge is hung or killed, and known again afterwards", testLevelIsUnknownWhileBridgeIsHungOrKilled)
}

func testLevelIsUnknownWhileBridgeIsHungOrKilled(t *testing.T) {
	binary := os.Getenv("IMPULSE_KEDA_BRIDGE")
	if binary == "" {
		t.Fatal("this test needs impulse-keda-bridge: run `make bridge-test`, or set IMPULSE_KEDA_BRIDGE")
	}
	queue := testkit.FreeAddress(t)
	beanstalkd := debian.Program(t, "beanstalkd", "/usr/bin/beanstalkd")
	testkit.StartProgram(t, "beanstalkd", beanstalkd, "-l", "127.0.0.1", "-p", queue[strings.LastIndex(queue, ":")+1:]).WaitListening(queue)
	address := "unix://" + filepath.Join(t.TempDir(), "bridge.sock")
	bridge := testkit.StartProgram(t, "impulse-keda-bridge", binary, "--listen", address)
	r := open(t, address, Config{map[string]string{"server": queue, "tube": "default", "value": "1"}}, triggers.Env{Namespace: "shop", Object: "orders"})
	r.kedaType = "beanstalkd"
	known := func(ctx context.Context) bool {
		_, err := r.read(ctx)
		return err == nil
	}
	bridge.Eventually("a level is known", known)

	bridge.Signal(syscall.SIGSTOP)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if m, err := r.read(ctx); err == nil || !strings.Contains(err.Error(), "wait for the KEDA bridge") {
		t.Errorf("while it is stopped: got %v and the error %v, want one", m, err)
	}
	bridge.Signal(syscall.SIGCONT)
	bridge.Eventually("a level is known again", known)

	bridge.Kill()
	if m, err := r.read(t.Context()); err == nil {
		t.Errorf("once it is killed: got %v, want an error", m)
	}
	again := testkit.StartProgram(t, "impulse-keda-bridge-again", binary, "--listen", address) // The socket of the killed one is replaced.
	again.Eventually("a level is known with the new bridge", known)
}
