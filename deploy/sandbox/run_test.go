package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/plane"
)

// program is the sandbox command as a user builds it.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sandbox-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(dir, "sandbox")
	code := 1
	if out, err := exec.CommandContext(context.Background(), "./build", program).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the command: %v\n%s", err, out)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir) // The system empties its temporary folder.
	os.Exit(code)
}

const timeout = 2 * time.Minute

// run is one sandbox of a test, started in the foreground with --exit-on-stdin-close.
type run struct {
	env    plane.Env
	dir    string
	ready  string
	stdin  io.WriteCloser
	cmd    *exec.Cmd
	output *output
	ended  chan error
}

// output collects the output of a process while it is read.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(data)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// begin starts a sandbox and does not wait for it.
func begin(t *testing.T, flags ...string) *run {
	t.Helper()
	r := &run{dir: filepath.Join(t.TempDir(), "sandbox"), ready: filepath.Join(t.TempDir(), "ready.json"), output: &output{}, ended: make(chan error, 1)}
	args := append([]string{"up", "--exit-on-stdin-close", "--dir", r.dir, "--ready-file", r.ready}, flags...)
	r.cmd = exec.CommandContext(t.Context(), program, args...)
	r.cmd.Stdout, r.cmd.Stderr = r.output, r.output
	var err error
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.ended <- r.cmd.Wait() }()
	return r
}

// up starts a sandbox and returns when it is ready.
func up(t *testing.T, flags ...string) *run {
	t.Helper()
	r := begin(t, flags...)
	eventually(t, "the sandbox is ready", func() bool {
		select {
		case err := <-r.ended:
			t.Fatalf("the sandbox ended: %v\n%s", err, r.output)
		default:
		}
		content, err := os.ReadFile(r.ready)
		return err == nil && json.Unmarshal(content, &r.env) == nil
	})
	return r
}

// end waits for the sandbox to end.
func (r *run) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(timeout):
		t.Fatalf("the sandbox does not end\n%s", r.output)
		return nil
	}
}

// endsWithStdin closes standard input, and fails unless the sandbox exits with code 0 and leaves nothing.
func (r *run) endsWithStdin(t *testing.T) {
	t.Helper()
	if err := r.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.end(t); err != nil {
		t.Errorf("the sandbox ended with %v\n%s", err, r.output)
	}
	r.leavesNothing(t)
}

// leavesNothing waits until no process and no file of the sandbox is left.
func (r *run) leavesNothing(t *testing.T) {
	t.Helper()
	eventually(t, "no process is left", func() bool { return len(r.processes(t)) == 0 })
	eventually(t, "no file is left", func() bool {
		_, dir := os.Stat(r.dir)
		_, ready := os.Stat(r.ready)
		return errors.Is(dir, os.ErrNotExist) && errors.Is(ready, os.ErrNotExist)
	})
}

// processes lists those whose command line names the sandbox's folder: all of its components, the guard and itself.
func (r *run) processes(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ps", "-A", "-ww", "-o", "pid=,stat=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, r.dir) {
			found = append(found, line)
		}
	}
	return found
}

// command runs the sandbox command for this sandbox.
func (r *run) command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, append(args, "--dir", r.dir)...).CombinedOutput()
	return string(out), err
}

func (r *run) mustCommand(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.command(t, args...)
	if err != nil {
		t.Fatalf("sandbox %v: %v\n%s", args, err, out)
	}
	return out
}

// status returns the sandbox's status of a component.
func (r *run) status(t *testing.T, name string) (int, string) {
	t.Helper()
	var status plane.Status
	if err := json.Unmarshal([]byte(r.mustCommand(t, "status", "-o", "json")), &status); err != nil {
		t.Fatal(err)
	}
	for _, c := range status.Components {
		if c.Name == name {
			return c.PID, string(c.State)
		}
	}
	t.Fatalf("no %s in %+v", name, status)
	return 0, ""
}

func (r *run) kubectl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(r.env.Bin, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+r.env.Kubeconfig, "HOME="+r.dir)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (r *run) mustKubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.kubectl(t, args...)
	if err != nil {
		t.Fatalf("kubectl %v: %v\n%s", args, err, out)
	}
	return out
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %s: %s", timeout, what)
		case <-again.C:
		}
	}
}

// guard is the process that watches over the sandbox.
func (r *run) guard(t *testing.T) int {
	t.Helper()
	for _, line := range r.processes(t) {
		var pid int
		if strings.Contains(line, program+" guard") {
			if _, err := fmt.Sscan(line, &pid); err == nil {
				return pid
			}
		}
	}
	t.Fatalf("no guard in %v", r.processes(t))
	return 0
}
