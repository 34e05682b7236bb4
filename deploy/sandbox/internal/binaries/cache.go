package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/gobuild"
)

// unusedAfter is how long an unused cached build is kept.
const unusedAfter = 30 * 24 * time.Hour

// buildingMark begins the names of folders where something is being built.
const buildingMark = "building-"

// CacheDir is the folder of built binaries and, by default, of running sandboxes: below IMPULSE_SANDBOX_CACHE or
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

// SourceDir finds deploy/sandbox, whose modules pin the programs, in the working folder or a parent of it.
func SourceDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working folder: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		for _, source := range []string{dir, filepath.Join(dir, "deploy", "sandbox")} {
			if _, err := os.Stat(filepath.Join(source, programsModule, "go.mod")); err == nil {
				return source, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find deploy/sandbox: run this inside a clone of impulse")
		}
	}
}

// sourceKey is a digest of all that every program is built from: the module that pins them, our own sources in it, and the
// compiler with its target and flags.
func sourceKey(ctx context.Context, dir string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOOS", "GOARCH")
	cmd.Dir = dir
	target, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("read the target of the go command: %w", err)
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%s%s\n%q\n", target, buildTags, gobuild.Flags())
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		fmt.Fprintf(hash, "%s %d\n%s", name, len(content), content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what pins the programs: %w", err)
	}
	return hash.Sum(nil), nil
}

// key names a build by everything it is made from: two builds with one key are the same program.
func (p Program) key(source []byte) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s@%s\n%s\n", p.Package, p.Version, p.LDFlags)
	hash.Write(source)
	return hex.EncodeToString(hash.Sum(nil))[:12]
}

// cached is the executable in a folder of the cache, or empty when it was not built yet. Its use is noted.
func (p Program) cached(dir string) string {
	path := filepath.Join(dir, p.Name)
	if !executable(path) {
		return ""
	}
	now := time.Now()
	_ = os.Chtimes(dir, now, now) // After an error it is only removed earlier.
	return path
}

// forgetUnused removes builds of the programs that were not used for a long time, and what interrupted builds left, so
// that the cache does not grow for ever. The caller holds the lock of the cache.
func forgetUnused(cache string, programs []missing, now time.Time) {
	left, _ := filepath.Glob(filepath.Join(cache, buildingMark+"*")) // The pattern is valid.
	for _, p := range programs {
		builds, _ := filepath.Glob(filepath.Join(cache, p.Name+"-*"))
		for _, dir := range builds {
			if info, err := os.Stat(dir); err == nil && now.Sub(info.ModTime()) > unusedAfter {
				left = append(left, dir)
			}
		}
	}
	for _, dir := range left {
		_ = os.RemoveAll(dir) // What remains is removed next time.
	}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
