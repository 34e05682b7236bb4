package sandbox

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
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

// Process is a program that a test has started. It is killed when the test ends; the end of its log is shown when the test
// fails.
type Process struct {
	*process.Process
	tb testing.TB
}

// Start starts a program of the sandbox.
func Start(tb testing.TB, name string, args ...string) *Process {
	tb.Helper()
	return start(tb, name, Binary(tb, name), args...)
}

func start(tb testing.TB, name, binary string, args ...string) *Process {
	tb.Helper()
	running, err := process.Start(tb.Context(), tb.TempDir(), name, binary, args...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		running.Kill()
		if tb.Failed() {
			tb.Logf("the end of the log of %s:\n%s", name, running.LogTail(4<<10))
		}
	})
	return &Process{Process: running, tb: tb}
}

// Signal sends a signal to the program: SIGSTOP makes it accept connections and answer nothing.
func (p *Process) Signal(signal syscall.Signal) {
	p.tb.Helper()
	if err := p.Process.Signal(signal); err != nil {
		p.tb.Fatal(err)
	}
}

// Eventually waits until cond is true. It fails the test when the program exits before, or when it takes longer than
// testkit.Timeout.
func (p *Process) Eventually(what string, cond func(ctx context.Context) bool) {
	p.tb.Helper()
	testkit.Eventually(p.tb, what, func(ctx context.Context) bool {
		if err := p.Err(); err != nil {
			p.tb.Fatalf("before %s: %v", what, err)
		}
		return cond(ctx)
	})
}

// WaitListening waits until the program accepts connections on address.
func (p *Process) WaitListening(address string) {
	p.tb.Helper()
	p.Eventually("it listens on "+address, func(ctx context.Context) bool {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
}
