package helm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// buildTimeout bounds the first build, which compiles some 1000 packages.
const buildTimeout = 15 * time.Minute

// Chart is the folder of the chart, from the root of the repository.
const Chart = "deploy/chart"

// built is the path of helm, by the root of the repository.
var built struct {
	mu    sync.Mutex
	paths map[string]string
}

// Binary returns the path of helm. root is the path of the repository's root from the package of the test.
func Binary(tb testing.TB, root string) string {
	tb.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	if path, ok := built.paths[root]; ok {
		return path
	}
	ctx, cancel := context.WithTimeoutCause(tb.Context(), buildTimeout, fmt.Errorf("not built within %s", buildTimeout))
	defer cancel()
	out, err := run(ctx, root, nil, "go", "tool", "-n", "-modfile=tools/helm/go.mod", "helm")
	if err != nil {
		tb.Fatalf("build helm: %v", err)
	}
	if built.paths == nil {
		built.paths = map[string]string{}
	}
	built.paths[root] = strings.TrimSpace(out)
	return built.paths[root]
}

// Run runs helm in the root of the repository, with folders of its own, and returns its standard output. The error has its standard error.
func Run(tb testing.TB, root string, args ...string) (string, error) {
	tb.Helper()
	home := tb.TempDir()
	env := []string{"HELM_CACHE_HOME=" + home, "HELM_CONFIG_HOME=" + home, "HELM_DATA_HOME=" + home, "HELM_PLUGINS=" + home}
	return run(tb.Context(), root, env, Binary(tb, root), args...)
}

// run runs a program in a folder.
func run(ctx context.Context, folder string, env []string, binary string, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = folder, append(os.Environ(), env...), &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(binary), args[0], errors.Join(err, context.Cause(ctx)), stderr.String())
	}
	return string(out), nil
}

// Template renders the chart for a release in a namespace. values are further arguments, such as --set and a value.
func Template(tb testing.TB, root, release, namespace string, values ...string) (string, error) {
	tb.Helper()
	return Run(tb, root, append([]string{"template", release, Chart, "--namespace", namespace, "--kube-version", "1.37"}, values...)...)
}

// Documents returns the documents of a rendered chart, by the name of their template, such as rbac.yaml.
func Documents(text string) map[string][]string {
	all := map[string][]string{}
	for part := range strings.SplitSeq("\n"+text, "\n---\n# Source: ") {
		source, document, ok := strings.Cut(part, "\n")
		if !ok || strings.TrimSpace(document) == "" {
			continue
		}
		name := strings.TrimPrefix(filepath.ToSlash(source), "impulse/templates/")
		all[name] = append(all[name], document)
	}
	return all
}
