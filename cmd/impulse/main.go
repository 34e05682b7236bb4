// Command impulse is the autoscaler and its command line tools.
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
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs a command line, the first argument of which is the program, and returns the exit code: 0 success, 1 a negative result
// (errFindings), 2 the command failed.
func execute(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	// The output repeats text of files and servers, which a terminal must not interpret.
	out, errs = printable.NewWriter(out), printable.NewWriter(errs)
	name, args := invocation(args)
	root := command() //nolint:contextcheck // cobra passes it to the commands.
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	addCompletion(root)
	rename(root, name)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFindings):
		return 1
	default:
		printError(errs, err)
		return 2
	}
}

// printError prints each line of an error that is not empty. cobra indents some with a tab.
func printError(errs io.Writer, err error) {
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimRight(line, "\n"); strings.TrimSpace(line) != "" {
			fmt.Fprintln(errs, "impulse:", printable.Line(strings.ReplaceAll(line, "\t", "  "), maxErrorLine))
		}
	}
}

// maxErrorLine bounds one line of an error, in bytes.
const maxErrorLine = 4 << 10

// errFindings is returned by a command with a negative result, which it has printed: mistakes that it looks for, a failed test, or a message
// that Impulse refused.
var errFindings = errors.New("the result is negative")

//go:generate go test . -count=1 -run ^TestFlagsPage$ -rewrite

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "impulse",
		Short:         "An event-driven autoscaler for Kubernetes",
		Long:          "Impulse scales workloads within milliseconds of an event: an alert fires, a queue fills, a schedule starts, or a query\ncrosses its target.",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetUsageFunc(usage)
	addGroups(root)
	root.AddCommand(inGroup(groupShow, getCommand(), topCommand(), explainCommand(), historyCommand(), alertsCommand())...)
	root.AddCommand(inGroup(groupChange, pauseCommand(), resumeCommand(), scaleCommand(), dryRunCommand())...)
	root.AddCommand(inGroup(groupFiles, checkCommand(), testCommand(), simulateCommand(), convertCommand())...)
	root.AddCommand(inGroup(groupRun, runCommand(), adoptCommand(), doctorCommand(), sendCommand(), uninstallCommand())...)
	root.AddCommand(optionsCommand(), versionCommand())
	return root
}

// someFiles checks the arguments of a command about files.
func someFiles(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errNoFile
	}
	return nil
}

// errNoFile is returned if the arguments name no file.
var errNoFile = errors.New("name a file; - is standard input")
