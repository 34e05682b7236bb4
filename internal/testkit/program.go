package testkit

import (
	"context"
	"net"
	"syscall"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// Process is a program that a test has started. It is killed when the test ends; the end of its log is shown when the test
// fails.
type Process struct {
	*process.Process
	tb testing.TB
}

// StartProgram starts a program for a test. name is the name of its log file, and names the program in errors.
func StartProgram(tb testing.TB, name, binary string, args ...string) *Process {
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
// Timeout.
func (p *Process) Eventually(what string, cond func(ctx context.Context) bool) {
	p.tb.Helper()
	Eventually(p.tb, what, func(ctx context.Context) bool {
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
