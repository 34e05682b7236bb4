package regularfile

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

func TestRegularFile(t *testing.T) {
	t.Run("a regular file is read through links, up to its limit", testRegularFileIsReadThroughLinksUpToItsLimit)
	t.Run("a stream is read up to its limit", testStreamIsReadUpToItsLimit)
	t.Run("other kinds of files are refused", testOtherKindsOfFilesAreRefused)
}

// write creates a file and returns its path.
func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// link creates a link to a path, and returns the path of the link.
func link(t *testing.T, to string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func testRegularFileIsReadThroughLinksUpToItsLimit(t *testing.T) {
	path := write(t, "12345")
	for _, p := range []string{path, link(t, path), link(t, link(t, path))} {
		if content, err := ReadFile(p, 5); string(content) != "12345" || err != nil {
			t.Errorf("ReadFile(%s) = %q, %v; want the content", p, content, err)
		}
		if _, err := ReadFile(p, 4); !errors.Is(err, TooLargeError(4)) || !strings.Contains(err.Error(), p+": is larger than 4 bytes") {
			t.Errorf("ReadFile(%s) with a limit of 4 bytes: %v, want TooLargeError", p, err)
		}
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "nothing"), 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v, want ErrNotExist", err)
	}
}

func testStreamIsReadUpToItsLimit(t *testing.T) {
	for text, whole := range map[string]bool{"": true, "12345": true, "123456": false, strings.Repeat("x", 1<<20): false} {
		for _, from := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			content, err := ReadAll(from, 5)
			if whole && (string(content) != text || err != nil) || !whole && !errors.Is(err, TooLargeError(5)) {
				t.Errorf("ReadAll(%.9q) with a limit of 5 bytes = %.9q, %v; whole = %t wanted", text, content, err, whole)
			}
		}
	}
}

func testOtherKindsOfFilesAreRefused(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "socket")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for path, want := range map[string]string{
		pipe:                 "is a pipe",
		link(t, pipe):        "is a pipe",
		"/dev/zero":          "is a device",
		link(t, "/dev/zero"): "is a device",
		socket:               "is a socket",
		t.TempDir():          "is a directory",
	} {
		if _, err := ReadFile(path, 5); !errors.Is(err, ErrNotRegular) || !strings.Contains(err.Error(), path+": "+want) {
			t.Errorf("%s: %v, want that it %s", path, err, want)
		}
	}
}
