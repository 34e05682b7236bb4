// Command impulse is the autoscaler and its tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/internal/printable"
)

// version is set by the linker.
var version = "dev" //nolint:gochecknoglobals // The linker sets it.

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs a command line and returns the exit code: 0 fine, 1 something is wrong with what was looked at, 2 the
// command could not be carried out.
func execute(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	// The output repeats words of files and servers: none of them may be interpreted by a terminal.
	out, errs = printable.NewWriter(out), printable.NewWriter(errs)
	root := command() //nolint:contextcheck // cobra hands it to the commands.
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFindings):
		return 1
	default:
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintln(errs, "impulse:", printable.Line(strings.TrimSuffix(line, "\n"), maxErrorLine))
		}
		return 2
	}
}

// maxErrorLine bounds one line of an error, in bytes.
const maxErrorLine = 4 << 10

// errFindings says that a command did its work and found something wrong, which it has already said.
var errFindings = errors.New("something is wrong")

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "impulse",
		Short:         "An event-driven autoscaler for Kubernetes",
		Long:          "Impulse gives a workload the right number of replicas milliseconds after something happened:\nan alert fires, a queue fills, a schedule starts, a query crosses its target.",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		runCommand(), checkCommand(), convertCommand(), testCommand(), simulateCommand(), explainCommand(), historyCommand(), sendCommand(),
		alertsCommand(), uninstallCommand(), versionCommand(),
	)
	return root
}

// someFiles is the arguments of a command about files.
func someFiles(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errNoFile
	}
	return nil
}

// errNoFile says that a command wants to know which files.
var errNoFile = errors.New("name a file; - is the standard input")

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version)
			return err
		},
	}
}
