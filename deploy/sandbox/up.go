package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/control"
	"github.com/impulse-sh/impulse/deploy/sandbox/internal/gobuild"
	"github.com/impulse-sh/impulse/deploy/sandbox/internal/plane"
)

// upFlags are the flags of up.
type upFlags struct {
	with, without    []string
	options          plane.Options
	exitOnStdinClose bool
	detach           bool
	staged           bool
	progress         int
	readyFile        string
}

func upCommand(at *place) *cobra.Command {
	var flags upFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Build what is missing, start everything and keep it until Ctrl-C",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			find, err := flags.complete(at, flags.progressOut(cmd))
			if err != nil {
				return err
			}
			if flags.detach { // Build with the progress on this terminal; the background process finds the programs in the cache.
				if err := find(cmd.Context(), func(string, string) {}); err != nil {
					return err
				}
				return detach(cmd, flags.options.Dir)
			}
			return flags.up(cmd, find)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&flags.with, "with", []string{"metrics-server", "nats", "alertmanager", "prometheus"}, "what runs beside the control plane; there is metrics-adapter, too")
	f.StringSliceVar(&flags.without, "without", nil, "what does not run: controller-manager, scheduler, kwok or any of --with")
	f.IntVar(&flags.options.Nodes, "nodes", 1, "how many nodes KWOK simulates; each has room for a million pods")
	f.StringVar(&flags.options.PrometheusConfig, "prometheus-config", "", "Prometheus's configuration (default: prometheus.yml in the sandbox's folder)")
	f.StringVar(&flags.options.AlertmanagerConfig, "alertmanager-config", "", "Alertmanager's configuration (default: alertmanager.yml in the sandbox's folder)")
	f.DurationVar(&flags.options.HPASyncPeriod, "hpa-sync-period", 0, "how often HorizontalPodAutoscalers decide (default: Kubernetes' own, 15s)")
	f.BoolVar(&flags.options.UnsafeNoFsync, "unsafe-no-fsync", false, "let etcd not wait for the disk")
	f.BoolVar(&flags.options.RetainDir, "keep", false, "leave the folder, with its logs, when the sandbox ends; sandbox down removes it")
	f.BoolVar(&flags.options.WithoutKubectl, "without-kubectl", false, "do not build kubectl where there is none")
	f.BoolVar(&flags.staged, "staged", false, "write the ready file when the control plane is ready, and again when another component is ready")
	f.IntVar(&flags.progress, "progress-fd", 0, "show what is being built on this open file (default: standard error)")
	f.BoolVar(&flags.exitOnStdinClose, "exit-on-stdin-close", false, "stop when standard input ends, as it does when the parent process exits or is killed")
	f.BoolVar(&flags.detach, "detach", false, "start in the background; sandbox down ends it")
	f.StringVar(&flags.readyFile, "ready-file", "", "write where everything is to this file, as JSON, once it is ready")
	cmd.MarkFlagsMutuallyExclusive("exit-on-stdin-close", "detach")
	return cmd
}

// progressOut is where builds show how far they are.
func (f *upFlags) progressOut(cmd *cobra.Command) io.Writer {
	if f.progress == 0 {
		return cmd.ErrOrStderr()
	}
	syscall.CloseOnExec(f.progress) // It is not for the components.
	return os.NewFile(uintptr(f.progress), "progress")
}

// complete checks the flags, fills in the options and returns what finds or builds the programs.
func (f *upFlags) complete(at *place, progress io.Writer) (plane.Finder, error) {
	var err error
	if f.options.Components, err = plane.Select(f.with, f.without); err != nil {
		return nil, err
	}
	if f.options.Nodes < 1 {
		return nil, errors.New("--nodes must be at least 1")
	}
	if f.options.Dir, err = at.folder(); err != nil {
		return nil, err
	}
	if f.options.Executable, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	f.options.Name = at.name
	for _, path := range []*string{&f.readyFile, &f.options.PrometheusConfig, &f.options.AlertmanagerConfig} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return nil, fmt.Errorf("find the working folder: %w", err)
		}
	}
	if f.readyFile != "" {
		f.options.Remove = []string{f.readyFile}
	}
	return finder(progress, f.options.Programs())
}

// up runs a sandbox until it is ended or a component exits, and leaves nothing behind.
func (f *upFlags) up(cmd *cobra.Command, find plane.Finder) (err error) {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	if f.exitOnStdinClose {
		go func() {
			_, _ = io.Copy(io.Discard, cmd.InOrStdin()) // An error ends it, too.
			cancel()
		}()
	}
	sandbox, err := plane.Open(ctx, f.options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sandbox.Close()) }()
	server, err := control.Serve(ctx, control.Socket(f.options.Dir), sandbox, cancel)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()

	out := cmd.ErrOrStderr()
	report := func(what string, after time.Duration) {
		gobuild.PrintLine(out, "%6.2fs %s ready", after.Seconds(), what)
	}
	joined := func() error {
		if !f.staged {
			return nil
		}
		return writeReady(f.readyFile, sandbox.Joined())
	}
	booted := sandbox.Boot(ctx, find, report, joined)
	if ctx.Err() != nil { // A stop before the sandbox is ready is no failure.
		return nil
	}
	if booted != nil {
		return booted
	}
	if err := writeReady(f.readyFile, sandbox.Env()); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe sandbox %s is ready; Ctrl-C ends it. In another terminal:\n\n  eval \"$(%s env --dir %s)\"\n  kubectl get nodes\n",
		f.options.Name, f.options.Executable, f.options.Dir)
	return sandbox.Wait(ctx)
}

// writeReady writes env to path whole or not at all. Without a path it does nothing.
func writeReady(path string, env plane.Env) error {
	if path == "" {
		return nil
	}
	content, err := json.MarshalIndent(env, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the ready file: %w", err)
	}
	if err := os.WriteFile(path+".new", append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the ready file: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the ready file: %w", err)
	}
	return nil
}
