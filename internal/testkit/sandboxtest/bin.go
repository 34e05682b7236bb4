// Package sandboxtest lends the real programs of the sandbox to tests: nats-server, Prometheus, Alertmanager. A test
// starts what it needs for itself, on free loopback ports and in a folder of its own, so that tests can stop, kill and
// restart it as they like.
package sandboxtest

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit/local"
)

// binVariable names the folder that holds the programs; `make test` sets it.
const binVariable = "IMPULSE_SANDBOX_BIN"

const (
	// patience is how long a condition may take to come true on a busy machine.
	patience = 60 * time.Second
	// attempt bounds one look at a condition: a program that is starting may not answer at all.
	attempt = 2 * time.Second
)

// Binary returns the path of a program of the sandbox. A missing program fails the test: a skipped one would hide it.
func Binary(tb testing.TB, name string) string {
	tb.Helper()
	dir := os.Getenv(binVariable)
	if dir == "" {
		tb.Fatalf("this test needs a real %s: run `make test`, or set %s to a folder that has it", name, binVariable)
	}
	path, err := exec.LookPath(filepath.Join(dir, name))
	if err != nil {
		tb.Fatalf("this test needs a real %s: run `make test`, which builds it (%v)", name, err)
	}
	return path
}

// Process is a program that a test has started. It is killed when the test ends, or when the test's process does.
type Process struct {
	tb     testing.TB
	name   string
	cmd    *exec.Cmd
	output *bytes.Buffer // Read only after done.
	done   chan struct{}
}

// Start starts a program of the sandbox.
func Start(tb testing.TB, name string, args ...string) *Process {
	tb.Helper()
	return start(tb, name, Binary(tb, name), args...)
}

func start(tb testing.TB, name, path string, args ...string) *Process {
	tb.Helper()
	p := &Process{tb: tb, name: name, output: new(bytes.Buffer), done: make(chan struct{})}
	p.cmd = exec.CommandContext(context.WithoutCancel(tb.Context()), path, args...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = dieWithParent()
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		tb.Fatalf("start %s: %v", name, err)
	}
	tb.Cleanup(func() {
		p.Kill()
		if tb.Failed() {
			tb.Logf("the end of what %s printed:\n%s", name, p.tail())
		}
	})
	return p
}

// run starts the program and waits for it on one thread: the kernel ends it together with the thread that made it.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		_ = p.cmd.Wait()
	}
}

// Kill ends the program at once, as a crash would, and waits until it is gone. It may be called again.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Stop asks the program to end and waits until it is gone.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

// Signal sends a signal to the program: SIGSTOP makes it accept connections and say nothing.
func (p *Process) Signal(signal syscall.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.tb.Fatalf("signal %s: %v", p.name, err)
	}
}

func (p *Process) end(signal syscall.Signal) {
	_ = p.cmd.Process.Signal(signal)
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// Until waits until cond is true, and fails the test when the program ends before, or when it takes too long.
func (p *Process) Until(what string, cond func(ctx context.Context) bool) {
	p.tb.Helper()
	Until(p.tb, what, func(ctx context.Context) bool {
		select {
		case <-p.done:
			p.tb.Fatalf("%s ended before %s:\n%s", p.name, what, p.tail())
		default:
		}
		return cond(ctx)
	})
}

// Listening waits until the program accepts connections on address.
func (p *Process) Listening(address string) {
	p.tb.Helper()
	p.Until("it listens on "+address, func(ctx context.Context) bool {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
}

// tail returns the last 4 KiB of what the program printed. The program must have ended.
func (p *Process) tail() string {
	out := p.output.Bytes()
	return strings.TrimSpace(string(out[max(0, len(out)-4096):]))
}

// Until asks cond, 20 ms apart and each time for at most 2 s, until it is true; it fails the test when that takes longer
// than a minute.
func Until(tb testing.TB, what string, cond func(ctx context.Context) bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	ask := func() bool {
		ctx, cancel := context.WithTimeout(ctx, attempt)
		defer cancel()
		return cond(ctx)
	}
	for !ask() {
		select {
		case <-ctx.Done():
			tb.Fatalf("waited %s for: %s", patience, what)
		case <-tick.C:
		}
	}
}

// FreeAddress returns an address of ip that nobody listens on, such as 127.0.0.1:12345.
func FreeAddress(tb testing.TB, ip string) string {
	tb.Helper()
	address, err := local.FreeAddressOf(tb.Context(), ip)
	if err != nil {
		tb.Fatal(err)
	}
	return address
}
