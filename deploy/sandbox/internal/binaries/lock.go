package binaries

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockBuilds waits until no other sandbox builds in this cache. Meanwhile it calls onWait at intervals, so that the caller can use
// the programs that the other one has finished. The lock ends with the process that holds it.
func lockBuilds(ctx context.Context, cache string, out io.Writer, onWait func()) (func(), error) {
	file, err := os.OpenFile(filepath.Join(cache, "build.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the cache: %w", err)
	}
	retry := time.NewTicker(lookEvery)
	defer retry.Stop()
	for waiting := false; ; waiting = true {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			file.Close()
			return nil, fmt.Errorf("lock the cache: %w", err)
		}
		if !waiting {
			fmt.Fprintln(out, "another build is running; waiting for it")
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, ctx.Err()
		case <-retry.C:
			onWait()
		}
	}
}
