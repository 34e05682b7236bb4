package process

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

// stopTimeout is how long a process may take to exit after SIGTERM; then it is killed.
const stopTimeout = 30 * time.Second

// Process is a running program. On Linux it does not outlive this process.
type Process struct {
	name string
	cmd  *exec.Cmd
	log  *os.File
	// stdin is the program's standard input: a program that reads it learns by its end that this process has exited.
	stdin  io.Closer
	exited chan struct{}
	err    error // Read only after exited.
}

// Start starts a program whose output goes to dir/name.log. On Linux the kernel kills it when this process ends, however that
// happens.
func Start(ctx context.Context, dir, name, binary string, args ...string) (*Process, error) {
	return start(ctx, dir, name, func(*exec.Cmd) {}, binary, args...)
}

// start is Start with a function that changes how the program is started.
func start(ctx context.Context, dir, name string, change func(*exec.Cmd), binary string, args ...string) (*Process, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("create the log of %s: %w", name, err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), binary, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()
	change(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("open the input of %s: %w", name, err)
	}
	p := &Process{name: name, cmd: cmd, log: log, stdin: stdin, exited: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// run starts the program and waits for it on one thread: the kernel kills the program together with the thread that started it.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.exited)
	if p.err = p.cmd.Start(); p.err != nil {
		started <- p.err
		return
	}
	started <- nil
	p.err = p.cmd.Wait()
}

// Stop sends SIGTERM and returns when the program has exited; it kills the program when that takes longer than stopTimeout.
// It may be called again.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

// Kill ends the program at once, as a crash would, and returns when it is gone. It may be called again.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

func (p *Process) end(signal syscall.Signal) {
	_ = p.cmd.Process.Signal(signal)
	_ = p.stdin.Close()
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	_ = p.log.Close()
}

// errExited is part of every error of Err, because Wait returns none for exit code 0.
var errExited = errors.New("expected it to keep running")

// Err returns nil while the program runs. After its exit it returns an error with the exit code and the last 2 KiB of its log.
func (p *Process) Err() error {
	select {
	case <-p.exited:
		return fmt.Errorf("%s exited (%w); the end of its log:\n%s", p.name, errors.Join(errExited, p.err), p.LogTail(2<<10))
	default:
		return nil
	}
}

// Signal sends a signal to the program: SIGSTOP and SIGCONT pause and resume it. On Linux it returns after SIGSTOP once the program has
// stopped.
func (p *Process) Signal(signal syscall.Signal) error {
	err := p.cmd.Process.Signal(signal)
	if err == nil && signal == syscall.SIGSTOP {
		err = awaitStop(p.PID())
	}
	if err != nil {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// PID returns the process identifier.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Wait returns when the program has exited: nil for exit code 0.
func (p *Process) Wait() error {
	<-p.exited
	return p.err
}

// LogPath returns the path of the file with the program's output.
func (p *Process) LogPath() string { return p.log.Name() }

// LogTail returns the last bytes of the program's output, at most limit.
func (p *Process) LogTail(limit int) string {
	content, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-limit):])
}
