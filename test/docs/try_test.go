package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

func TestTry(t *testing.T) {
	t.Run("the first command of the README shows a policy, a picture and a reason", testFirstCommandOfREADMEShowsPolicyPictureAndReason)
	t.Run("a missing tool is reported in one sentence", testMissingToolIsReportedInOneSentence)
}

func testFirstCommandOfREADMEShowsPolicyPictureAndReason(t *testing.T) {
	dir := t.TempDir()
	if _, err := process.Build(t.Context(), dir, "impulse", root, "./cmd/impulse"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	picture := filepath.Join(dir, "new", "try.html")
	out, err := process.Run(t.Context(), filepath.Join(root, "deploy/try/try"), picture)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, part := range []string{"2 passed", "hpa", "keda", "oracle", "keeps 17 replicas", "file://" + picture, "make demo"} {
		if !strings.Contains(out, part) {
			t.Errorf("the output lacks %q:\n%s", part, out)
		}
	}
	if content, err := os.ReadFile(picture); err != nil || !strings.Contains(string(content), "<svg") {
		t.Errorf("the picture has %d bytes, %v", len(content), err)
	}
}

func testMissingToolIsReportedInOneSentence(t *testing.T) {
	preflight := filepath.Join(root, "deploy/preflight")
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	old := t.TempDir()
	fake := "#!/bin/sh\ncase \"$2\" in GOVERSION) echo go1.20.1 ;; GOTOOLCHAIN) echo local ;; *) exec " + real + " \"$@\" ;; esac\n"
	if err := os.WriteFile(filepath.Join(old, "go"), []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	system := t.TempDir() // What every system has, and no Go even where that is in /usr/bin.
	for _, tool := range []string{"bash", "sh", "awk", "sed", "sort", "head", "dirname", "ls"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(system, tool)); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct{ path, cc, want string }{
		"nothing":      {filepath.Dir(real) + ":" + system, "sh", ""},
		"Go":           {system, "sh", "there is no go command in PATH"},
		"a newer Go":   {old + ":" + system, "sh", "Go 1.20.1 is too old"},
		"a C compiler": {filepath.Dir(real) + ":" + system, "nosuchcompiler", "there is no C compiler (nosuchcompiler)"},
	} {
		t.Setenv("PATH", test.path)
		t.Setenv("CC", test.cc)
		out, err := process.Run(t.Context(), preflight, "--cc")
		if (err == nil) != (test.want == "") || !strings.Contains(out, test.want) || strings.Count(out, "\n") > 1 {
			t.Errorf("without %s: %v, %q", name, err, out)
		}
	}
}
