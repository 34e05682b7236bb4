package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/control"
)

var errStopped = errors.New("it was stopped")

// detach runs this same command again in the background, without --detach, and returns when that sandbox is ready. What it
// prints is shown when it fails.
func detach(cmd *cobra.Command, dir string) error {
	output, err := os.CreateTemp("", "impulse-sandbox-")
	if err != nil {
		return fmt.Errorf("store the sandbox's output: %w", err)
	}
	defer output.Close()
	if err := os.Remove(output.Name()); err != nil { // Open files need no name.
		return fmt.Errorf("store the sandbox's output: %w", err)
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	args := slices.DeleteFunc(slices.Clone(os.Args[1:]), func(arg string) bool { return arg == "--detach" || arg == "--detach=true" })
	child := exec.Command(executable, args...) //nolint:noctx // It outlives this process.
	child.Stdout, child.Stderr = output, output
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return fmt.Errorf("start in the background: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	if err := awaitDetached(cmd.Context(), dir, child.Process.Pid, ended); err != nil {
		_ = child.Process.Signal(syscall.SIGTERM) // It may have ended already.
		printed, _ := io.ReadAll(io.NewSectionReader(output, 0, 1<<20))
		return fmt.Errorf("%w\n%s", err, printed)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "the sandbox runs in the background; sandbox down ends it\n")
	return nil
}

// awaitDetached returns when the sandbox in dir is ready and is the one that was started.
func awaitDetached(ctx context.Context, dir string, pid int, ended <-chan error) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		status, err := control.Client{Dir: dir}.Status(ctx)
		if err == nil && status.Ready && status.Env.PID == pid {
			return nil
		}
		if err != nil && !errors.Is(err, control.ErrNotRunning) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			if err == nil {
				err = errStopped
			}
			return fmt.Errorf("the sandbox ended before it was ready: %w", err)
		case <-again.C:
		}
	}
}
