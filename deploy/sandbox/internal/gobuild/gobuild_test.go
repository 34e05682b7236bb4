package gobuild

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"
)

func TestGoBuild(t *testing.T) {
	t.Run("a download that breaks off is tried again", testDownloadThatBreaksOffIsTriedAgain)
	t.Run("a download that never works ends with the reason", testDownloadThatNeverWorksEndsWithReason)
}

const depMod = "module example.test/dep\n\ngo 1.26.0\n"

// registry serves one small module. Its first responses to a request for the archive, cut in number, end in the middle of the archive.
func registry(t *testing.T, cut int) (url, goSum string) {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for name, content := range map[string]string{"go.mod": depMod, "dep.go": "package dep\n\nconst Word = \"there\"\n"} {
		file, err := w.Create("example.test/dep@v1.0.0/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dep.zip")
	write(t, path, archive.String())
	sum, err := dirhash.HashZip(path, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, ".info"):
			_, _ = w.Write([]byte(`{"Version":"v1.0.0"}`))
		case strings.HasSuffix(r.URL.Path, ".mod"):
			_, _ = w.Write([]byte(depMod))
		case int(requests.Add(1)) <= cut:
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write(archive.Bytes()[:archive.Len()/2])
		default:
			_, _ = w.Write(archive.Bytes())
		}
	}))
	t.Cleanup(server.Close)
	modSum, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(depMod)), nil })
	if err != nil {
		t.Fatal(err)
	}
	return server.URL, "example.test/dep v1.0.0 " + sum + "\nexample.test/dep v1.0.0/go.mod " + modSum + "\n"
}

// build is the build of a program that needs the module of a registry, with caches of its own. cut is that of registry.
func build(t *testing.T, cut int) (Build, *strings.Builder) {
	t.Helper()
	url, goSum := registry(t, cut)
	modules := t.TempDir()
	t.Setenv("GOPROXY", url)
	t.Setenv("GONOSUMDB", "example.test")
	t.Setenv("GOMODCACHE", modules)
	t.Cleanup(func() {
		clean := exec.Command("go", "clean", "-modcache") //nolint:noctx // The test's own context is done by now.
		clean.Env = append(os.Environ(), "GOMODCACHE="+modules)
		if out, err := clean.CombinedOutput(); err != nil { // Its files are read-only.
			t.Errorf("%v\n%s", err, out)
		}
	})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.test/program\n\ngo 1.26.0\n\nrequire example.test/dep v1.0.0\n")
	write(t, filepath.Join(dir, "go.sum"), goSum)
	write(t, filepath.Join(dir, "main.go"), "package main\n\nimport \"example.test/dep\"\n\nfunc main() { println(dep.Word) }\n")
	var out strings.Builder
	return Build{Module: dir, Packages: []string{"example.test/program"}, Dir: t.TempDir(), Out: &out, What: "a program"}, &out
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func testDownloadThatBreaksOffIsTriedAgain(t *testing.T) {
	b, out := build(t, 1)
	if err := b.Run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(out.String(), "trying again, 2 of 3") || strings.Contains(out.String(), "3 of 3") {
		t.Errorf("the build printed %s", out)
	}
	output, err := exec.CommandContext(t.Context(), filepath.Join(b.Dir, "program")).CombinedOutput()
	if err != nil || string(output) != "there\n" {
		t.Errorf("the program printed %q, %v", output, err)
	}
}

func testDownloadThatNeverWorksEndsWithReason(t *testing.T) {
	b, out := build(t, attempts)
	err := b.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "download what a program is built from") || !strings.Contains(err.Error(), "example.test/dep") {
		t.Errorf("the error is %v; it printed %s", err, out)
	}
}
