// Command sandbox builds and runs a real Kubernetes control plane, and NATS, Alertmanager and Prometheus beside it, from Go
// modules: no Docker, no downloads of binaries.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "sandbox",
		Short:         "A real Kubernetes control plane on this machine, built from Go modules",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	at := &place{}
	root.PersistentFlags().StringVar(&at.name, "name", "default", "which sandbox: several can run side by side")
	root.PersistentFlags().StringVar(&at.dir, "dir", "", "folder of the sandbox's files (default: run/NAME in the cache)")
	root.AddCommand(
		buildCommand(), compileCommand(), upCommand(at), downCommand(at), statusCommand(at), envCommand(at),
		changeCommand(at, "stop", "Stop a component, as in an outage"),
		changeCommand(at, "start", "Start a component that was stopped, and wait until it is ready"),
		changeCommand(at, "pause", "Freeze a component: its connections stay open and nothing answers"),
		changeCommand(at, "resume", "Let a paused component go on"),
		guardCommand(),
	)
	return root
}
