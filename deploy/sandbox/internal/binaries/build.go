package binaries

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Builder finds programs, building those that are nowhere to be found.
type Builder struct {
	Source string // The folder of deploy/sandbox.
	Cache  string
	Out    io.Writer // Where progress is told.
}

// missing is a program that must be built, and the folder of the cache where it belongs.
type missing struct {
	Program
	dir string
}

// Ensure returns the path of each program by its name. Chosen binaries (KUBEBUILDER_ASSETS) come before the cache, the
// cache before PATH; what none of them has is built, one program at a time, however many sandboxes ask at once.
func (b Builder) Ensure(ctx context.Context, programs []Program) (map[string]string, error) {
	target, err := toolchain(ctx, filepath.Join(b.Source, controlPlane))
	if err != nil {
		return nil, err
	}
	paths := make(map[string]string, len(programs))
	var todo []missing
	for _, p := range programs {
		key, err := p.key(b.Source, target)
		if err != nil {
			return nil, err
		}
		dir := filepath.Join(b.Cache, p.Name+"-"+key)
		path := firstOf(
			func() string { return p.inAssets(ctx) },
			func() string { return p.cached(dir) },
			func() string { return p.inPath(ctx) },
		)
		if path == "" {
			todo = append(todo, missing{p, dir})
			path = filepath.Join(dir, p.Name)
		}
		paths[p.Name] = path
	}
	if err := b.buildAll(ctx, todo); err != nil {
		return nil, err
	}
	return paths, nil
}

func firstOf(places ...func() string) string {
	for _, find := range places {
		if path := find(); path != "" {
			return path
		}
	}
	return ""
}

func (b Builder) buildAll(ctx context.Context, todo []missing) error {
	if len(todo) == 0 {
		return nil
	}
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return fmt.Errorf("make the cache folder: %w", err)
	}
	tell := newProgress(b.Out, len(todo))
	tell.line("building %d of the sandbox's programs from Go modules into %s: once, about a quarter of an hour for all on 2 cores",
		len(todo), b.Cache)
	unlock, err := lockBuilds(ctx, b.Cache, tell)
	if err != nil {
		return err
	}
	defer unlock()
	for i, m := range todo {
		if m.cached(m.dir) != "" {
			continue
		}
		if err := b.build(ctx, m, tell.begin(i+1, m.Name+" "+m.Version)); err != nil {
			return err
		}
		m.forgetUnused(b.Cache, time.Now())
	}
	tell.line("built everything in %s", tell.elapsed())
	return nil
}

// build makes one program in a folder of its own and moves that into place whole, so that the cache never holds half of
// one.
func (b Builder) build(ctx context.Context, m missing, step *step) error {
	tmp, err := os.MkdirTemp(b.Cache, m.Name+buildingMark)
	if err != nil {
		return fmt.Errorf("make a build folder: %w", err)
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // Nothing is left there after a build that worked.
	cmd := b.command(ctx, m.Program, tmp)
	cmd.Stdout, cmd.Stderr = step, step
	err = cmd.Run()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	step.end(err)
	if err != nil {
		return fmt.Errorf("build %s %s: %w\n%s", m.Name, m.Version, err, step.tail())
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return fmt.Errorf("open the folder of %s: %w", m.Name, err)
	}
	if err := os.Rename(tmp, m.dir); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("put %s into the cache: %w", m.Name, err)
	}
	return nil
}

// command is the go command that builds p into dir. The user's own Go settings that would change the result are not
// looked at.
func (b Builder) command(ctx context.Context, p Program, dir string) *exec.Cmd {
	flags := []string{"-v", "-trimpath", "-ldflags", "-s -w " + p.LDFlags}
	var cmd *exec.Cmd
	if p.Module == "" {
		cmd = exec.CommandContext(ctx, "go", append(append([]string{"install"}, flags...), p.Package+"@"+p.Version)...)
		cmd.Dir = dir
	} else {
		cmd = exec.CommandContext(ctx, "go", append(append([]string{"build", "-o", filepath.Join(dir, p.Name)}, flags...), p.Package)...)
		cmd.Dir = filepath.Join(b.Source, p.Module)
	}
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off", "GOEXPERIMENT=")
	// A group of its own, interrupted as a whole: the go command then removes its temporary folders.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}
