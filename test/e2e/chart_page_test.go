package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/helm"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestChartPages(t *testing.T) {
	t.Parallel()
	t.Run("their commands succeed", testCommandsOfChartPagesSucceed)
}

// reader is somebody who types the commands of a page, in a folder with this project's folder deploy.
type reader struct {
	*env

	folder    string
	variables []string
}

// newReader returns a reader with helm, kubectl and impulse, in a cluster whose Pods become ready.
func newReader(t *testing.T) *reader {
	t.Helper()
	t.Parallel()
	acquireSlot(t)
	plane := sandbox.NewControlPlane(t, "controller-manager", "scheduler", "kwok")
	plane.ApplyCRDs(helm.Definitions(t, root))
	r := &reader{env: envOf(t, plane.NewEnv()), folder: t.TempDir()}
	absolute, err := filepath.Abs(root)
	if err == nil {
		err = os.Symlink(filepath.Join(absolute, "deploy"), filepath.Join(r.folder, "deploy"))
	}
	if err != nil {
		t.Fatal(err)
	}
	path := []string{filepath.Dir(helm.Binary(t, root)), filepath.Dir(sandbox.Binary(t, "kubectl")), filepath.Dir(r.command), os.Getenv("PATH")}
	home := t.TempDir()
	r.variables = append(os.Environ(), "KUBECONFIG="+r.Kubeconfig, "PATH="+strings.Join(path, string(filepath.ListSeparator)),
		"HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	return r
}

// types runs commands as a reader of a page does.
func (r *reader) types(ctx context.Context, commands string) {
	r.t.Helper()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir, cmd.Env = r.folder, r.variables
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("%s\n%v\n%s", commands, err, out)
	}
}

func testCommandsOfChartPagesSucceed(t *testing.T) {
	r := newReader(t)
	const stack = "docs/kube-prometheus-stack.md"
	values := filepath.Join(r.folder, "values.yaml")
	if err := os.WriteFile(values, []byte(testkit.Fenced(t, filepath.Join(root, stack), "yaml values")[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	r.mustKubectl("create", "namespace", "shop")
	for _, commands := range testkit.Fenced(t, filepath.Join(root, stack), "sh") {
		r.types(t.Context(), commands)
	}
	if token := r.mustKubectl("-n", "shop", "get", "secret", "impulse-token", "-o", "go-template={{.data.token | base64decode}}"); !strings.Contains(r.tokensOf(), token) {
		t.Errorf("%s puts another token into the namespace of the workload", stack)
	}
	r.types(t.Context(), "impulse uninstall; kubectl delete namespace shop")

	blocks := testkit.Fenced(t, filepath.Join(root, "deploy/chart/README.md"), "sh")
	for _, commands := range blocks {
		switch { // What a reader of this section has done before.
		case strings.HasPrefix(commands, "impulse uninstall"), strings.HasPrefix(commands, "kubectl delete crd"):
			r.types(t.Context(), blocks[0])
		case strings.Contains(commands, "--take-ownership"):
			r.types(t.Context(), "kubectl apply -k deploy/manifests")
		}
		r.types(t.Context(), commands)
	}
}
