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
	t.Run("the commands of docs/doctor.md make their checks", testCommandsOfDoctorPageMakeTheirChecks)
}

// installPlugin returns a namespace with objects, and a home folder with impulse and kubectl on the PATH.
func installPlugin(t *testing.T) (e *sandbox.Env, home string) {
	t.Helper()
	e, bin := sandbox.NewEnv(t), filepath.Dir(sandbox.Binary(t, "kubectl"))
	sandbox.ApplyCRDs(t, filepath.Join(root, "deploy/crds"))
	for _, name := range []string{"web", "api"} {
		e.Apply("apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: " + name + "}\nspec:\n  scaleTargetRef: {name: " + name + "}\n" +
			"  triggers: [{type: cron, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: \"3\"}}]\n")
	}
	home = t.TempDir()
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
	return e, home
}

// runBlocks runs the commands of a page, and returns the number of its blocks. impulse doctor may find problems: exit code 1.
func runBlocks(t *testing.T, page string, replace *strings.Replacer) int {
	t.Helper()
	commands := 0
	for _, b := range blocks(t, page) {
		script := b.text
		switch b.info {
		case "sh":
		case "console":
			script = strings.ReplaceAll("\n"+script, "\n$ ", "\n")
		default:
			continue
		}
		commands++
		if strings.Contains(script, "impulse doctor") {
			script = "impulse() { command impulse \"$@\" || [ $? = 1 ]; }\nkubectl() { command kubectl \"$@\" || [ $? = 1 ]; }\n" + script
		}
		if out, err := process.Run(t.Context(), "sh", "-ec", replace.Replace(script)); err != nil {
			t.Errorf("%s:%d: %v\n%s", page, b.line, err, out)
		}
	}
	return commands
}

func testItsCommandsSucceedWithKubectl(t *testing.T) {
	e, home := installPlugin(t)
	if commands := runBlocks(t, "docs/cli.md", strings.NewReplacer("-n shop", "-n "+e.Namespace)); commands < 6 {
		t.Errorf("only %d blocks were found", commands)
	}
	completer := filepath.Join(home, ".local", "bin", "kubectl_complete-impulse")
	if out, err := process.Run(t.Context(), completer, "get", "-n", e.Namespace, ""); err != nil || !strings.HasPrefix(out, "api\nweb\n") {
		t.Errorf("the completion that the page installs: %v\n%s", err, out)
	}
}

func testCommandsOfDoctorPageMakeTheirChecks(t *testing.T) {
	e, home := installPlugin(t)
	const config = "route: {receiver: none}\nreceivers: [{name: none}]\n"
	if err := os.WriteFile(filepath.Join(home, "alertmanager.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	const store = "cd && gzip --keep alertmanager.yml && kubectl create secret generic alertmanager-main-generated --from-file=alertmanager.yaml.gz=alertmanager.yml.gz -n "
	if out, err := process.Run(t.Context(), "sh", "-ec", store+e.Namespace); err != nil {
		t.Fatal(err, out)
	}
	replace := strings.NewReplacer("-n shop", "-n "+e.Namespace, "-n monitoring", "-n "+e.Namespace, " alertmanager.yml", " ~/alertmanager.yml")
	if commands := runBlocks(t, "docs/doctor.md", replace); commands != 3 {
		t.Errorf("%d blocks were found, want 3", commands)
	}
}
