// Package gobuild runs the go command and shows its progress: the downloads, the compilation, the share that is done, and the
// remaining time at the speed of this machine so far. An interrupted download is retried.
package gobuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Build is one run of `go build`: several programs in one graph of packages, so that every core has work and what they
// share is compiled once.
type Build struct {
	Module   string   // Folder of the module that is built in.
	Packages []string // Main packages, in the order in which they are wanted.
	Dir      string   // Existing folder that the programs are put into, each as soon as it is linked.
	Tags     string
	LDFlags  map[string]string // Flags of the linker by package, beside those that leave out debug information.
	Out      io.Writer         // Progress is written to it.
	What     string            // What is built, in words.
	// Background gives every other program on the machine precedence.
	Background bool
}

// attempts is how often a download is tried.
const attempts = 3

// Run downloads and builds. Its error ends with the output of the go command.
func (b Build) Run(ctx context.Context) error {
	p := newProgress(b.Out, b.What)
	defer p.end()
	packages, err := b.plan(ctx, p)
	if err != nil {
		return err
	}
	p.begin(packages)
	cmd := b.command(ctx, b.arguments()...)
	cmd.Stdout, cmd.Stderr = p, p
	if err := b.start(cmd); err != nil {
		return fmt.Errorf("build %s: %w", b.What, err)
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("build %s: %w\n%s", b.What, err, p.tail())
	}
	p.done()
	return nil
}

// notInlined are packages whose speed does not matter: client-go's generated packages, and Kubernetes' own. They are compiled without
// inlining, so that the packages that import them compile in two thirds of the time.
var notInlined = []string{
	"k8s.io/client-go/kubernetes/...", "k8s.io/client-go/informers/...", "k8s.io/client-go/listers/...",
	"k8s.io/client-go/applyconfigurations/...", "k8s.io/kubernetes/...",
}

// Flags are the flags of every build. These programs are not debugged: without debug information they compile a tenth
// faster.
func Flags() []string {
	flags := []string{"-trimpath", "-gcflags", "all=-dwarf=false", "-ldflags", "-s -w"}
	for _, pattern := range notInlined {
		flags = append(flags, "-gcflags", pattern+"=-dwarf=false -l")
	}
	return flags
}

// arguments are those of `go build`.
func (b Build) arguments() []string {
	args := append([]string{"build", "-v", "-tags", b.Tags, "-o", b.Dir + "/"}, Flags()...)
	for pkg, flags := range b.LDFlags {
		args = append(args, "-ldflags", pkg+"=-s -w "+flags)
	}
	return append(args, b.Packages...)
}

// plan downloads the modules of the programs and returns their packages.
func (b Build) plan(ctx context.Context, p *progress) (*graph, error) {
	for attempt := 1; ; attempt++ {
		cmd := b.command(ctx, append([]string{"list", "-deps", "-tags", b.Tags, "-json=ImportPath,Dir,Imports,GoFiles,ImportMap"}, b.Packages...)...)
		cmd.Stderr = p
		listed, err := cmd.Output()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			return readGraph(listed, b.Packages)
		}
		if attempt == attempts {
			return nil, fmt.Errorf("download what %s is built from: %w, %d times\n%s", b.What, err, attempts, p.tail())
		}
		p.line("the download broke off (%s); trying again, %d of %d", p.last(), attempt+1, attempts)
		if err := pause(ctx, time.Duration(attempt)*time.Second); err != nil {
			return nil, err
		}
	}
}

func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// command is the go command in the module. The user's own Go settings that would change the result are not looked at;
// all that is built here is built alike, so that modules share what they compile.
func (b Build) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.Module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off", "GOEXPERIMENT=")
	// A group of its own, interrupted as a whole: the go command then removes its temporary folders.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// background is the priority of a build that others go before.
const background = 10

func (b Build) start(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	if !b.Background {
		return nil
	}
	err := syscall.Setpriority(syscall.PRIO_PGRP, cmd.Process.Pid, background)
	if err != nil && !errors.Is(err, syscall.ESRCH) { // It may have ended already.
		return errors.Join(fmt.Errorf("lower the priority: %w", err), cmd.Cancel(), cmd.Wait())
	}
	return nil
}
