// Package local runs real programs on this machine: the sandbox's control plane and impulse beside it. The demo, the
// benchmarks and the end-to-end tests start them through here.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// grace is how long a process may take to stop after it was asked to.
const grace = 15 * time.Second

// Process is one child, which does not outlive its parent.
type Process struct {
	name string
	cmd  *exec.Cmd
	log  *os.File
	// lifeline is the child's standard input: its end tells a child that watches it that we are gone.
	lifeline io.Closer
	done     chan struct{}
	err      error
}

// Spawn starts a child whose output goes to dir/name.log. On Linux it dies with us,
// whatever ends us.
func Spawn(ctx context.Context, dir, name, binary string, args ...string) (*Process, error) {
	return spawn(ctx, dir, name, nil, binary, args...)
}

// spawn is Spawn with more open files for the child, from descriptor 3 on.
func spawn(ctx context.Context, dir, name string, files []*os.File, binary string, args ...string) (*Process, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("make the log of %s: %w", name, err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), binary, args...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, files
	cmd.SysProcAttr = attributes()
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("open the input of %s: %w", name, err)
	}
	p := &Process{name: name, cmd: cmd, log: log, lifeline: lifeline, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// run starts the child and waits for it on one thread: the kernel ends the child together with the thread that made it.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	if p.err = p.cmd.Start(); p.err != nil {
		started <- p.err
		return
	}
	started <- nil
	p.err = p.cmd.Wait()
}

// Stop asks the child to end, and kills it when it does not.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

// Kill ends the child at once, as a crash would.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// end sends a signal, waits, and kills the child when it does not follow.
func (p *Process) end(signal syscall.Signal) {
	_ = p.cmd.Process.Signal(signal)
	_ = p.lifeline.Close()
	select {
	case <-p.done:
	case <-time.After(grace):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	_ = p.log.Close()
}

// errEnded says that a child is not there any more, however it went.
var errEnded = errors.New("it should not have")

// Died returns an error that shows the end of the child's log, once it has ended; nil before.
func (p *Process) Died() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended (%w); the end of its log:\n%s", p.name, errors.Join(errEnded, p.err), tail(p.log.Name()))
	default:
		return nil
	}
}

// Signal sends a signal to the child: SIGSTOP and SIGCONT freeze it and let it go on.
func (p *Process) Signal(signal syscall.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// PID is the child's process number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Wait returns how the child ended, once it has: nil for exit code 0.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Log returns the path of what the child has printed.
func (p *Process) Log() string { return p.log.Name() }

// tail returns the last 2 KiB of a file.
func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-2048):])
}

// Until asks cond every 50 ms until it is true, ctx is done, or the limit has passed.
func Until(ctx context.Context, limit time.Duration, what string, cond func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s: not within %s", what, limit))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := cond(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// Run runs a program to its end and returns what it printed.
func Run(ctx context.Context, binary string, args ...string) (string, error) {
	return RunWith(ctx, nil, binary, args...)
}

// RunWith is Run with a standard input.
func RunWith(ctx context.Context, stdin io.Reader, binary string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdin = stdin
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w", filepath.Base(binary), err)
	}
	return string(out), nil
}
