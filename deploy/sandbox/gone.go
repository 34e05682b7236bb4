package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/control"
	"github.com/impulse-sh/impulse/deploy/sandbox/internal/plane"
	"github.com/impulse-sh/impulse/deploy/sandbox/internal/process"
)

// awaitGone returns when nothing is left of the sandbox in dir; it removes what a crashed sandbox left.
func awaitGone(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, downWithin)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			return nil
		}
		lock, err := plane.Claim(dir)
		if err == nil {
			return errors.Join(plane.Release(dir, lock), os.RemoveAll(control.Socket(dir)))
		}
		if !errors.Is(err, plane.ErrRunning) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the sandbox in %s to end: %w", dir, ctx.Err())
		case <-again.C:
		}
	}
}

// guardCommand is the other side of process.Guard.
func guardCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "guard [PATH...]",
		Short:  "Kill and remove what a sandbox that was killed leaves; up runs it",
		Hidden: true,
		RunE: func(cmd *cobra.Command, remove []string) error {
			if process.Watch(context.WithoutCancel(cmd.Context()), cmd.InOrStdin()) {
				return nil
			}
			var failed []error
			for _, path := range remove {
				failed = append(failed, plane.Remove(path))
			}
			return errors.Join(failed...)
		},
	}
}
