package plane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// lockName is the file that marks a folder as a sandbox's and is locked while one runs there.
const lockName = "sandbox.lock"

var (
	// ErrRunning is returned when a sandbox runs in the folder.
	ErrRunning = errors.New("a sandbox runs there already")
	// ErrForeign is returned when a folder has content that is not a sandbox's; it is not changed.
	ErrForeign = errors.New("the folder is not empty and not a sandbox's")
)

// Claim makes dir an empty folder held by this process and those it hands the lock to. What a sandbox that crashed left
// there is removed.
func Claim(dir string) (*os.File, error) {
	if err := refuseForeign(dir); err != nil {
		return nil, err
	}
	for {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("create the sandbox's folder: %w", err)
		}
		lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open the sandbox's lock: %w", err)
		}
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			lock.Close()
			return nil, fmt.Errorf("claim %s: %w", dir, ErrRunning)
		}
		if err != nil {
			lock.Close()
			return nil, fmt.Errorf("claim %s: %w", dir, err)
		}
		if !stillThere(lock) { // Its last owner removed it between our opening and our locking.
			lock.Close()
			continue
		}
		if err := empty(dir); err != nil {
			lock.Close()
			return nil, err
		}
		return lock, nil
	}
}

// Release removes a folder that Claim returned the lock of.
func Release(dir string, lock *os.File) error {
	return errors.Join(Remove(dir), lock.Close())
}

// Remove removes a sandbox's folder or a file. The lock goes last: until then it shows the owner of the folder, and files that
// another sandbox has created there since are not touched.
func Remove(path string) error {
	lock := filepath.Join(path, lockName)
	if _, err := os.Stat(lock); err != nil {
		return os.RemoveAll(path)
	}
	if err := empty(path); err != nil {
		return err
	}
	if err := os.Remove(lock); err != nil {
		return fmt.Errorf("remove the sandbox's lock: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the sandbox's folder: %w", err)
	}
	return nil
}

func refuseForeign(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look into the sandbox's folder: %w", err)
	}
	if !slices.ContainsFunc(entries, func(entry os.DirEntry) bool { return entry.Name() == lockName }) {
		return fmt.Errorf("use %s: %w", dir, ErrForeign)
	}
	return nil
}

func stillThere(file *os.File) bool {
	open, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(file.Name())
	return err == nil && os.SameFile(open, named)
}

func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look into the sandbox's folder: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == lockName {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("remove what an earlier sandbox left: %w", err)
		}
	}
	return nil
}
