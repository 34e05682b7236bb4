package binaries

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/gobuild"
)

// lookEvery is the time between two checks for programs that have been built meanwhile.
const lookEvery = 200 * time.Millisecond

// Builder finds programs, and builds those that it does not find.
type Builder struct {
	Source string // The folder of deploy/sandbox.
	Cache  string
	// Out receives the progress. Several goroutines write to it at once, as they may to an *os.File.
	Out io.Writer
}

// missing is a program that must be built, and the folder of the cache where it belongs.
type missing struct {
	Program
	dir string
}

// Ensure calls found with the path of each program as soon as it is there, and returns when all are. Chosen binaries
// (KUBEBUILDER_ASSETS) come before the cache, the cache before PATH; what none of them has is built, all of it in one run of
// the go command, however many sandboxes need it at once.
func (b Builder) Ensure(ctx context.Context, programs []Program, found func(name, path string)) error {
	key, err := sourceKey(ctx, filepath.Join(b.Source, programsModule))
	if err != nil {
		return err
	}
	var todo []missing
	for _, p := range programs {
		dir := filepath.Join(b.Cache, p.Name+"-"+p.key(key))
		path := firstOf(
			func() string { return p.inAssets(ctx) },
			func() string { return p.cached(dir) },
			func() string { return p.inPath(ctx) },
		)
		if path == "" {
			todo = append(todo, missing{p, dir})
			continue
		}
		found(p.Name, path)
	}
	if len(todo) == 0 {
		return nil
	}
	return b.buildAll(ctx, todo, found)
}

func firstOf(places ...func() string) string {
	for _, find := range places {
		if path := find(); path != "" {
			return path
		}
	}
	return ""
}

// buildAll builds the missing programs, or waits for another sandbox that builds them.
func (b Builder) buildAll(ctx context.Context, todo []missing, found func(name, path string)) error {
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return fmt.Errorf("create the cache folder: %w", err)
	}
	findAll := func() { todo = slices.DeleteFunc(todo, func(m missing) bool { return m.findCached(found) }) }
	unlock, err := lockBuilds(ctx, b.Cache, b.Out, findAll)
	if err != nil {
		return err
	}
	defer unlock()
	if findAll(); len(todo) == 0 {
		return nil
	}
	if err := checkSpace(b.Out, len(todo)); err != nil {
		return err
	}
	forgetUnused(b.Cache, todo, time.Now())
	return b.build(ctx, todo, found)
}

// findCached calls found with a program that is in the cache by now.
func (m missing) findCached(found func(name, path string)) bool {
	path := m.cached(m.dir)
	if path != "" {
		found(m.Name, path)
	}
	return path != ""
}

// build makes all programs in one run of the go command and hands each over as soon as it is linked. Each moves into the
// cache whole, so that the cache never holds half of one.
func (b Builder) build(ctx context.Context, todo []missing, found func(name, path string)) error {
	tmp, err := os.MkdirTemp(b.Cache, buildingMark)
	if err != nil {
		return fmt.Errorf("create a build folder: %w", err)
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // The next build removes what is left.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	built := make(chan error, 1)
	go func(all []missing) { built <- b.run(ctx, all, tmp) }(todo)
	begin := time.Now()
	handOver := func(m missing) {
		gobuild.PrintLine(b.Out, "built %s %s after %s", m.Name, m.Version, time.Since(begin).Round(time.Second))
		found(m.Name, filepath.Join(m.dir, m.Name))
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case err := <-built:
			if err != nil {
				return err
			}
			if todo, err = storeBuilt(ctx, todo, tmp, handOver); err == nil && len(todo) > 0 {
				err = fmt.Errorf("%s: built, but it does not say a version that will do", names(todo))
			}
			return err
		case <-look.C:
			if todo, err = storeBuilt(ctx, todo, tmp, handOver); err != nil {
				cancel()
				return errors.Join(err, <-built)
			}
		}
	}
}

// storeBuilt moves the programs that are complete from tmp into the cache and returns the others. What the go command is
// still writing does not run.
func storeBuilt(ctx context.Context, todo []missing, tmp string, handOver func(missing)) ([]missing, error) {
	var rest []missing
	for _, m := range todo {
		path := filepath.Join(tmp, m.output())
		if m.suitable(ctx, path) == "" {
			rest = append(rest, m)
			continue
		}
		if err := m.store(path); err != nil {
			return todo, err
		}
		handOver(m)
	}
	return rest, nil
}

// store moves a program into the cache.
func (m missing) store(path string) error {
	tmp := filepath.Dir(path)
	dir := filepath.Join(tmp, filepath.Base(m.dir))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("create the folder of %s: %w", m.Name, err)
	}
	if err := os.Rename(path, filepath.Join(dir, m.Name)); err != nil {
		return fmt.Errorf("put %s into the cache: %w", m.Name, err)
	}
	if err := os.Rename(dir, m.dir); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("put %s into the cache: %w", m.Name, err)
	}
	return nil
}

func names(todo []missing) string {
	var all []string
	for _, m := range todo {
		all = append(all, m.Name)
	}
	return strings.Join(all, ", ")
}

// run is the one run of the go command.
func (b Builder) run(ctx context.Context, todo []missing, dir string) error {
	build := gobuild.Build{
		Module: filepath.Join(b.Source, programsModule), Dir: dir, Tags: buildTags, LDFlags: map[string]string{}, Out: b.Out,
		What: "the sandbox's programs", Background: true,
	}
	for _, m := range todo {
		build.Packages = append(build.Packages, m.Package)
		if m.LDFlags != "" {
			build.LDFlags[m.Package] = m.LDFlags
		}
	}
	return build.Run(ctx)
}
