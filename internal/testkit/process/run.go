package process

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
)

// Run runs a program to its end and returns its output, standard output and standard error together. It returns an
// error if the program does not start, or exits with another code than 0.
func Run(ctx context.Context, binary string, args ...string) (string, error) {
	return RunWithInput(ctx, nil, binary, args...)
}

// RunWithInput is Run with a standard input.
func RunWithInput(ctx context.Context, stdin io.Reader, binary string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdin = stdin
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w", filepath.Base(binary), err)
	}
	return string(out), nil
}
