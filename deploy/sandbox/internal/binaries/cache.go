package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// unusedAfter is how long a cached build that nothing asked for is kept.
const unusedAfter = 30 * 24 * time.Hour

// buildingMark is in the names of folders where something is being built.
const buildingMark = "-building-"

// CacheDir is where built binaries and, unless told otherwise, running sandboxes are kept: below IMPULSE_SANDBOX_CACHE or
// else the user's own cache folder.
func CacheDir() (string, error) {
	base := os.Getenv("IMPULSE_SANDBOX_CACHE")
	if base == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find a cache folder (or set IMPULSE_SANDBOX_CACHE): %w", err)
		}
		base = dir
	}
	return filepath.Abs(filepath.Join(base, "impulse", "sandbox"))
}

// SourceDir finds deploy/sandbox, whose modules pin what is built, in the working folder or a parent of it.
func SourceDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working folder: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		for _, source := range []string{dir, filepath.Join(dir, "deploy", "sandbox")} {
			if _, err := os.Stat(filepath.Join(source, controlPlane, "go.mod")); err == nil {
				return source, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find deploy/sandbox: run this inside a clone of impulse")
		}
	}
}

// toolchain describes the compiler that would build in dir: its version, target system and architecture.
func toolchain(ctx context.Context, dir string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOOS", "GOARCH")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ask the go command what it builds for: %w", err)
	}
	return string(out), nil
}

// key names a build by everything it is made from: two builds with one key are the same program.
func (p Program) key(source, toolchain string) (string, error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s@%s\n%s\n%s\n", p.Package, p.Version, p.LDFlags, toolchain)
	if p.Module != "" {
		for _, file := range []string{"go.mod", "go.sum"} {
			content, err := os.ReadFile(filepath.Join(source, p.Module, file))
			if err != nil {
				return "", fmt.Errorf("read what pins %s: %w", p.Name, err)
			}
			fmt.Fprintf(hash, "%s %d\n%s", file, len(content), content)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:12], nil
}

// cached is the executable in a folder of the cache, or empty when it was not built yet. Its use is noted.
func (p Program) cached(dir string) string {
	path := filepath.Join(dir, p.Name)
	if !executable(path) {
		return ""
	}
	now := time.Now()
	_ = os.Chtimes(dir, now, now) // Only delays forgetting it.
	return path
}

// forgetUnused removes builds of p that nothing asked for in a long time, and what interrupted builds left, so that the cache
// does not grow for ever. The caller holds the lock of the cache.
func (p Program) forgetUnused(cache string, now time.Time) {
	dirs, _ := filepath.Glob(filepath.Join(cache, p.Name+"-*")) // The pattern is right.
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil {
			continue
		}
		if strings.Contains(dir, buildingMark) || now.Sub(info.ModTime()) > unusedAfter {
			_ = os.RemoveAll(dir) // What stays now goes next time.
		}
	}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
