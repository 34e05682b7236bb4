package controller

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestEntries(t *testing.T) {
	t.Run("an unreadable entry affects no other", testUnreadableEntryAffectsNoOther)
	t.Run("a file that becomes unreadable keeps its last valid version", testFileThatBecomesUnreadableKeepsItsLastValidVersion)
}

func testUnreadableEntryAffectsNoOther(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a pipe without a writer":            func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a link to a device without end":     func(path string) error { return os.Symlink("/dev/zero", path) },
		"a link to nothing":                  func(path string) error { return os.Symlink("nowhere", path) },
		"a folder that is called a file":     func(path string) error { return os.Mkdir(path, 0o700) },
		"a file that is larger than a bound": func(path string) error { return os.WriteFile(path, make([]byte, 5<<20), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			inFolder(t, func(t *testing.T, f *files) {
				if err := put(filepath.Join(f.dir, "a-bad.yaml")); err != nil { // It comes before the others.
					t.Fatal(err)
				}
				f.awaitStatuses()
				if output := f.log.String(); strings.Count(output, "could not be read") != 1 || !strings.Contains(output, "a-bad.yaml") {
					t.Errorf("after a bad file came, got the log\n%swant one line with \"could not be read\" and a-bad.yaml", output)
				}
				f.write("web.yaml", objectYAML("web", 4))
				f.setLevel("web", 8)
				f.want("web", 4)
				f.write("api.yaml", objectYAML("api", 10))
				f.setLevel("api", 3)
				f.want("api", 3)
			})
		})
	}
}

func testFileThatBecomesUnreadableKeepsItsLastValidVersion(t *testing.T) {
	inFolder(t, func(t *testing.T, f *files) {
		path := filepath.Join(f.dir, "web.yaml")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/dev/zero", path); err != nil {
			t.Fatal(err)
		}
		f.awaitStatuses()
		f.expectSources("web", 1, 1)
		f.setLevel("web", 5)
		f.want("web", 5)
		if output := f.log.String(); !strings.Contains(output, "last good version stays in effect") {
			t.Errorf("after a file became unreadable, got the log\n%swant \"last good version stays in effect\"", output)
		}
	})
}
