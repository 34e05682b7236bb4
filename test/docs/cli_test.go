package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestCommandLinePage(t *testing.T) {
	t.Run("its commands succeed with kubectl", testItsCommandsSucceedWithKubectl)
}

func testItsCommandsSucceedWithKubectl(t *testing.T) {
	e, bin := sandbox.NewEnv(t), filepath.Dir(sandbox.Binary(t, "kubectl"))
	sandbox.ApplyCRDs(t, filepath.Join(root, "deploy/crds"))
	for _, name := range []string{"web", "api"} {
		e.Apply("apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: " + name + "}\nspec:\n  scaleTargetRef: {name: " + name + "}\n" +
			"  triggers: [{type: cron, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: \"3\"}}]\n")
	}
	home := t.TempDir()
	installed := filepath.Join(home, ".local", "bin")
	if err := os.MkdirAll(installed, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := process.Build(t.Context(), installed, "impulse", root, "./cmd/impulse"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("PATH", installed+":"+bin+":"+os.Getenv("PATH"))
	t.Setenv("KUBECONFIG", e.Kubeconfig)
	commands := 0
	for _, b := range blocks(t, "docs/cli.md") {
		script := b.text
		switch b.info {
		case "sh":
		case "console":
			script = strings.ReplaceAll("\n"+script, "\n$ ", "\n")
		default:
			continue
		}
		commands++
		script = strings.ReplaceAll(script, "-n shop", "-n "+e.Namespace)
		if out, err := process.Run(t.Context(), "sh", "-ec", script); err != nil {
			t.Errorf("docs/cli.md:%d: %v\n%s", b.line, err, out)
		}
	}
	if commands < 6 {
		t.Errorf("only %d blocks were found", commands)
	}
	if out, err := process.Run(t.Context(), filepath.Join(installed, "kubectl_complete-impulse"), "get", "-n", e.Namespace, ""); err != nil || !strings.HasPrefix(out, "api\nweb\n") {
		t.Errorf("the completion that the page installs: %v\n%s", err, out)
	}
}
