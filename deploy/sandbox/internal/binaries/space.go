package binaries

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/gobuild"
)

const (
	gib = 1 << 30
	// fullBuildSpace is the disk space for the build of all programs from empty caches; below leastSpace no build is started.
	fullBuildSpace = 7 * gib
	leastSpace     = gib
)

// checkSpace warns when the disk of the go command's caches has little space for the build of n programs. It returns an error when the
// space is below leastSpace.
func checkSpace(out io.Writer, n int) error {
	printed, err := exec.Command("go", "env", "GOCACHE").Output() //nolint:noctx // It only prints.
	if err != nil {
		return fmt.Errorf("read the cache folder of the go command: %w", err)
	}
	dir := strings.TrimSpace(string(printed))
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return nil //nolint:nilerr // The go command creates the folder later, and reports missing space itself.
	}
	return judgeSpace(out, dir, int64(disk.Bavail)*int64(disk.Bsize), n) //nolint:unconvert // The types differ between systems.
}

func judgeSpace(out io.Writer, dir string, free int64, n int) error {
	needs := fullBuildSpace * int64(n) / int64(len(Programs()))
	switch {
	case free < leastSpace:
		return fmt.Errorf("the disk of %s has %.1f GiB left, and building the sandbox takes %.1f: free some, or set GOCACHE and GOMODCACHE to another disk",
			dir, float64(free)/gib, float64(needs)/gib)
	case free < needs:
		gobuild.PrintLine(out, "the disk of %s has %.1f GiB left; building the sandbox from empty caches takes %.1f and may not end", dir,
			float64(free)/gib, float64(needs)/gib)
	}
	return nil
}
