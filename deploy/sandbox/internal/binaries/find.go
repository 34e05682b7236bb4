package binaries

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// versionTimeout bounds how long a program found elsewhere may take to print its version.
const versionTimeout = 30 * time.Second

// inAssets is the suitable executable in KUBEBUILDER_ASSETS, the folder of control plane binaries that the user chose, or
// empty.
func (p Program) inAssets(ctx context.Context) string {
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		return ""
	}
	return p.suitable(ctx, filepath.Join(assets, p.Name))
}

// inPath is the first suitable executable in PATH, or empty.
func (p Program) inPath(ctx context.Context) string {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if path := p.suitable(ctx, filepath.Join(dir, p.Name)); path != "" {
			return path
		}
	}
	return ""
}

// suitable returns path when it is a program of a version that the sandbox supports, or else nothing.
func (p Program) suitable(ctx context.Context, path string) string {
	if !executable(path) {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, p.VersionArgs...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return ""
	}
	if version := parseVersion(string(out)); version == "" || !p.Suitable(version) {
		return ""
	}
	return path
}
