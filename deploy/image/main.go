// Command impulse-image makes Impulse's container images and releases without a container engine: see README.md.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs a command line and returns the exit code.
func execute(ctx context.Context, args []string, out, errs io.Writer) int {
	root := command() //nolint:contextcheck // cobra passes it to the commands.
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(errs, "impulse-image:", printable(err.Error()))
		return 1
	}
	return 0
}

// maxError bounds the text of an error, in bytes.
const maxError = 8 << 10

// printable replaces what a terminal would interpret: errors repeat what registries answer.
func printable(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case out.Len() > maxError:
			return out.String() + "..."
		case r == '\n' || unicode.IsPrint(r):
			out.WriteRune(r)
		default:
			out.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return out.String()
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "impulse-image",
		Short:         "Make Impulse's container images and releases, without a container engine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(buildCommand(), pushCommand(), unpackCommand(), releaseCommand())
	return root
}
