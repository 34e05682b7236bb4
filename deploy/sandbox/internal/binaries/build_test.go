package binaries

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestBuild(t *testing.T) {
	t.Run("a missing program is built once and then found", testMissingProgramIsBuiltOnceAndThenFound)
	t.Run("builders that run at once build once", testBuildersThatRunAtOnceBuildOnce)
	t.Run("a build that fails returns the reason and leaves nothing", testBuildThatFailsReturnsReasonAndLeavesNothing)
	t.Run("a build that is cancelled leaves nothing", testBuildThatIsCancelledLeavesNothing)
	t.Run("the cache key changes with every input of the build", testCacheKeyChangesWithEveryInputOfBuild)
	t.Run("a suitable program found elsewhere is not built", testSuitableProgramFoundElsewhereIsNotBuilt)
	t.Run("a program that does not work is ignored", testProgramThatDoesNotWorkIsIgnored)
	t.Run("builds that were not used for long are removed", testBuildsThatWereNotUsedForLongAreRemoved)
	t.Run("the source is found from anywhere in the clone", testSourceIsFoundFromAnywhereInClone)
}

// output collects progress. It may be written to at once by several goroutines, as Builder.Out demands.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(data)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// hello is a builder with a small module of programs of its own, and the program in it.
func hello(t *testing.T, source string) (Builder, Program, *output) {
	t.Helper()
	t.Setenv("KUBEBUILDER_ASSETS", "")
	dir := t.TempDir()
	module := filepath.Join(dir, programsModule)
	for path, content := range map[string]string{
		"go.mod": "module example.test/hello\n\ngo 1.26.0\n", "go.sum": "", "main.go": source,
	} {
		write(t, filepath.Join(module, path), content, 0o600)
	}
	out := &output{}
	program := Program{
		Name: "greeter", Package: "example.test/hello", Version: "v1.2.3",
		LDFlags: "-X main.version=v1.2.3", VersionArgs: []string{"--version"}, Suitable: sameMinor("v1.2.3"),
	}
	return Builder{Source: dir, Cache: filepath.Join(dir, "cache"), Out: out}, program, out
}

const greeting = `package main

var version string

func main() { println("hello", version) }
`

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func discard(string, string) {}

func ensureOne(t *testing.T, b Builder, p Program) string {
	t.Helper()
	var found string
	if err := b.Ensure(t.Context(), []Program{p}, func(_, path string) { found = path }); err != nil {
		t.Fatal(err)
	}
	return found
}

func testMissingProgramIsBuiltOnceAndThenFound(t *testing.T) {
	b, program, out := hello(t, greeting)
	path := ensureOne(t, b, program)
	output, err := exec.CommandContext(t.Context(), path).CombinedOutput()
	if err != nil || string(output) != "hello v1.2.3\n" {
		t.Fatalf("the program printed %q, %v", output, err)
	}
	if !strings.Contains(out.String(), "built greeter v1.2.3") {
		t.Errorf("the build did not say what it does: %s", out)
	}
	before := out.String()
	if again := ensureOne(t, b, program); again != path || out.String() != before {
		t.Errorf("the second time it took %s and printed %q", again, strings.TrimPrefix(out.String(), before))
	}
}

func testBuildersThatRunAtOnceBuildOnce(t *testing.T) {
	b, program, out := hello(t, greeting)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if ensureOne(t, b, program) == "" {
				t.Error("a builder found nothing")
			}
		})
	}
	all.Wait()
	if built := strings.Count(out.String(), "built greeter v1.2.3"); built != 1 {
		t.Errorf("built %d times:\n%s", built, out)
	}
}

func testBuildThatFailsReturnsReasonAndLeavesNothing(t *testing.T) {
	b, program, _ := hello(t, "package main\n\nfunc main() { misspelt() }\n")
	err := b.Ensure(t.Context(), []Program{program}, discard)
	if err == nil || !strings.Contains(err.Error(), "undefined: misspelt") {
		t.Fatalf("the error does not say why: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(b.Cache, "*[a-z0-9]-*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func testBuildThatIsCancelledLeavesNothing(t *testing.T) {
	b, program, _ := hello(t, greeting)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // As soon as something is being built there.
		again := time.NewTicker(time.Millisecond)
		defer again.Stop()
		for range again.C {
			if dirs, _ := filepath.Glob(filepath.Join(b.Cache, buildingMark+"*")); len(dirs) > 0 || ctx.Err() != nil {
				cancel()
				return
			}
		}
	}()
	if err := b.Ensure(ctx, []Program{program}, discard); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(b.Cache, "*[a-z0-9]-*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func testCacheKeyChangesWithEveryInputOfBuild(t *testing.T) {
	b, program, _ := hello(t, greeting)
	module := filepath.Join(b.Source, programsModule)
	key := func(p Program) string {
		source, err := sourceKey(t.Context(), module)
		if err != nil {
			t.Fatal(err)
		}
		return p.key(source)
	}
	seen := map[string]string{key(program): "the first"}
	if seen[key(program)] == "" {
		t.Fatal("the same build has two keys")
	}
	differs := func(what, k string) {
		t.Helper()
		if same, ok := seen[k]; ok {
			t.Errorf("%s has the key of %s", what, same)
		}
		seen[k] = what
	}
	flags, newer := program, program
	flags.LDFlags = "-X main.version=v1.2.4"
	newer.Version = "v1.2.4"
	differs("other flags", key(flags))
	differs("another version", key(newer))
	for _, file := range []string{"go.sum", "main.go", "more/more.go"} {
		write(t, filepath.Join(module, file), "package main // Another.\n", 0o600)
		differs("another "+file, key(program))
	}
	t.Setenv("GOOS", "plan9")
	differs("another system", key(program))
}

func testSuitableProgramFoundElsewhereIsNotBuilt(t *testing.T) {
	b, program, out := hello(t, "this is not even Go")
	assets, path := t.TempDir(), t.TempDir()
	t.Setenv("KUBEBUILDER_ASSETS", assets)
	t.Setenv("PATH", path+string(os.PathListSeparator)+os.Getenv("PATH"))
	inPath, inAssets := filepath.Join(path, "greeter"), filepath.Join(assets, "greeter")
	write(t, inPath, "#!/bin/sh\n[ \"$1\" = --version ] && echo hello v1.2.9\n", 0o700)
	if got := ensureOne(t, b, program); got != inPath {
		t.Errorf("took %s, want the one in PATH", got)
	}
	write(t, inAssets, "#!/bin/sh\necho hello v1.1.0\n", 0o700)
	if got := ensureOne(t, b, program); got != inPath {
		t.Errorf("took %s, whose version does not do", got)
	}
	write(t, inAssets, "#!/bin/sh\necho hello v1.2.0\n", 0o700)
	if got := ensureOne(t, b, program); got != inAssets {
		t.Errorf("took %s, want the one in KUBEBUILDER_ASSETS", got)
	}
	if out.String() != "" {
		t.Errorf("something was built: %s", out)
	}
}

func testProgramThatDoesNotWorkIsIgnored(t *testing.T) {
	dir := t.TempDir()
	_, program, _ := hello(t, greeting)
	for name, script := range map[string]struct {
		content string
		mode    os.FileMode
	}{
		"not executable":      {"#!/bin/sh\necho v1.2.3\n", 0o600},
		"fails":               {"#!/bin/sh\necho v1.2.3\nexit 1\n", 0o700},
		"another version":     {"#!/bin/sh\necho v1.3.0\n", 0o700},
		"prints no version":   {"#!/bin/sh\necho unknown\n", 0o700},
		"not a program":       {"\x00\x01", 0o700},
		"missing interpreter": {"#!/nowhere\n", 0o700},
	} {
		path := filepath.Join(dir, name)
		write(t, path, script.content, script.mode)
		if got := program.suitable(t.Context(), path); got != "" {
			t.Errorf("%s: taken", name)
		}
	}
	if got := program.suitable(t.Context(), dir); got != "" {
		t.Error("a folder was taken")
	}
}

func testBuildsThatWereNotUsedForLongAreRemoved(t *testing.T) {
	b, program, _ := hello(t, greeting)
	kept := ensureOne(t, b, program)
	now := time.Now()
	for name, age := range map[string]time.Duration{
		"greeter-old": unusedAfter + time.Hour, "greeter-recent": time.Hour, buildingMark + "1": time.Hour, "other-old": unusedAfter + time.Hour,
	} {
		dir := filepath.Join(b.Cache, name)
		write(t, filepath.Join(dir, "x"), "", 0o600)
		if err := os.Chtimes(dir, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	forgetUnused(b.Cache, []missing{{Program: program}}, now)
	for name, want := range map[string]bool{
		filepath.Base(filepath.Dir(kept)): true, "greeter-old": false, "greeter-recent": true, buildingMark + "1": false, "other-old": true,
	} {
		if _, err := os.Stat(filepath.Join(b.Cache, name)); (err == nil) != want {
			t.Errorf("%s is there: %t, want %t", name, err == nil, want)
		}
	}
}

func testSourceIsFoundFromAnywhereInClone(t *testing.T) {
	want, err := SourceDir()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(want, programsModule, "go.mod")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(want, "..", ".."))
	if got, err := SourceDir(); err != nil || got != want {
		t.Errorf("from the root: %s, %v, want %s", got, err, want)
	}
	t.Chdir(t.TempDir())
	if got, err := SourceDir(); err == nil {
		t.Errorf("found %s outside of the clone", got)
	}
}
