package control

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestSocket(t *testing.T) {
	t.Run("the socket is in the folder, unless its path would be too long", testSocketIsInFolderUnlessItsPathWouldBeTooLong)
	t.Run("a folder in which nothing runs is recognized", testFolderInWhichNothingRunsIsRecognized)
}

func testSocketIsInFolderUnlessItsPathWouldBeTooLong(t *testing.T) {
	if got := Socket("/run/sandbox"); got != "/run/sandbox/control.sock" {
		t.Errorf("got %s", got)
	}
	long := "/" + strings.Repeat("x", 200)
	t.Setenv("TMPDIR", "/tmp")
	first, second := Socket(long), Socket(long+"y")
	if len(first) > longestSocket || first == second || first != Socket(long) {
		t.Errorf("got %s and %s", first, second)
	}
}

func testFolderInWhichNothingRunsIsRecognized(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nothing")
	if _, err := (Client{Dir: dir}).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("got %v", err)
	}
	if err := (Client{Dir: dir}).Change(t.Context(), "stop", "etcd", true); !errors.Is(err, ErrNotRunning) {
		t.Errorf("got %v", err)
	}
}
