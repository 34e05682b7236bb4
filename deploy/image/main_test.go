package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/impulse-sh/impulse/deploy/image/internal/oci"
)

const (
	root    = "../.."
	license = root + "/LICENSE"
	// created is a time of a commit, and createdText the same time in a label.
	created, createdText = "1790000000", "2026-09-21T14:13:20Z"
)

// run runs a command line of this program and returns its output and its errors.
func run(ctx context.Context, args ...string) (out, errs string, ok bool) {
	var stdout, stderr bytes.Buffer
	code := execute(ctx, args, &stdout, &stderr)
	return stdout.String(), stderr.String(), code == 0
}

// mustRun runs a command line that succeeds, and returns its output.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, ok := run(t.Context(), args...)
	if !ok {
		t.Fatalf("impulse-image %s: %s", strings.Join(args, " "), errs)
	}
	return out
}

// fails checks that a command line fails with a message that has all of the texts.
func fails(t *testing.T, args []string, texts ...string) {
	t.Helper()
	_, errs, ok := run(t.Context(), args...)
	if ok {
		t.Errorf("impulse-image %s succeeded, want an error", strings.Join(args, " "))
	}
	for _, text := range texts {
		if !strings.Contains(errs, text) {
			t.Errorf("impulse-image %s: got %q, want it to contain %q", strings.Join(args, " "), errs, text)
		}
	}
}

// source is a program whose compilation for another platform takes seconds. Real programs are tested, too: see impulse_test.go.
const source = "package main\n\nvar version = \"dev\"\n\nfunc main() { println(version) }\n"

// writeSource writes the module of that program to a folder.
func writeSource(t *testing.T, dir string) {
	t.Helper()
	for name, content := range map[string]string{"go.mod": "module example.com/tiny\n\ngo 1.26.0\n", "main.go": source} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// compile compiles that program for a platform, such as linux/amd64, and returns its path.
func compile(t *testing.T, platform string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	writeSource(t, dir)
	goos, goarch, _ := strings.Cut(platform, "/")
	program := filepath.Join(dir, "impulse")
	if goos == "windows" {
		program += ".exe"
	}
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-o", program}, flags...)
	runIn(t, dir, []string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0", "GOWORK=off"}, "go", append(args, ".")...)
	return program
}

// runIn runs a program in a folder and returns its output.
func runIn(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// build makes an image of programs in a new folder, and returns the folder.
func build(t *testing.T, programs ...string) string {
	t.Helper()
	out := t.TempDir()
	args := []string{"build", "--version", "v1.2.3", "--revision", "0123abcd", "--created", created, "--license", license, "--out", out}
	mustRun(t, append(args, programs...)...)
	return out
}

// stored opens the image in the folder of build.
func stored(t *testing.T, out string) oci.Stored {
	t.Helper()
	s, err := oci.ReadLayout(filepath.Join(out, "layout"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// digestOf returns the digest of the image in the folder of build.
func digestOf(t *testing.T, out string) string {
	t.Helper()
	if _, err := layout.FromPath(filepath.Join(out, "layout")); err != nil {
		t.Fatal(err)
	}
	digest, err := stored(t, out).Index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func readFile(t *testing.T, path ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
