package docs

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestExamples(t *testing.T) {
	t.Run("ScaledObjects in the documentation are valid", testScaledObjectsInDocumentationAreValid)
	t.Run("examples are valid", testExamplesAreValid)
	t.Run("a real Alertmanager accepts the route of the README", testRealAlertmanagerAcceptsRouteOfREADME)
	t.Run("the commands of the README succeed", testCommandsOfREADMESucceed)
	t.Run("the page about testing shows the output of its commands", testPageAboutTestingShowsOutputOfItsCommands)
}

// checkObjects fails the test when `impulse check` would report a mistake in a text.
func checkObjects(t *testing.T, name, text string) {
	t.Helper()
	objects, problems := manifest.Parse(name, []byte(text))
	compile(t, name, objects, problems)
}

func compile(t *testing.T, name string, objects []*manifest.Object, problems []diag.Error) {
	t.Helper()
	compiled, more := manifest.Compile(objects, builtin.Kinds())
	for _, p := range slices.Concat(problems, more) {
		if !strings.Contains(p.Problem, "memory rarely scales down") { // It is worth saying each time.
			t.Error(p)
		}
	}
	if len(compiled) == 0 {
		t.Errorf("%s holds no ScaledObject", name)
	}
}

func testScaledObjectsInDocumentationAreValid(t *testing.T) {
	found := 0
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			if b.info == "yaml" && strings.Contains(b.text, "kind: ScaledObject") {
				found++
				checkObjects(t, page, strings.Repeat("\n", b.line)+b.text)
			}
		}
	}
	if found == 0 {
		t.Error("there is none")
	}
}

// The folder is checked at once, as a user does: no example conflicts with another.
func testExamplesAreValid(t *testing.T) {
	dir := filepath.Join(root, "deploy/examples")
	objects, problems, err := manifest.Load([]string{dir}, nil)
	kinds := slices.DeleteFunc(builtin.Kinds(), func(k triggers.Kind) bool { return k.Requires != "" }) // They have KEDA's parameters.
	if err != nil || len(objects) < len(kinds) {
		t.Fatalf("%d examples for %d kinds of trigger, %v", len(objects), len(kinds), err)
	}
	compile(t, dir, objects, problems)
}

func testRealAlertmanagerAcceptsRouteOfREADME(t *testing.T) {
	for _, b := range blocks(t, "README.md") {
		if b.info != "yaml alertmanager" {
			continue
		}
		dir := t.TempDir()
		config := filepath.Join(dir, "alertmanager.yml")
		if err := os.WriteFile(config, []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
		address := testkit.FreeAddress(t)
		p := sandbox.Start(t, "alertmanager", "--config.file", config,
			"--storage.path", dir, "--web.listen-address", address, "--cluster.listen-address=")
		p.Eventually("Alertmanager accepts the route", func(ctx context.Context) bool { return ready(ctx, "http://"+address+"/-/ready") })
		return
	}
	t.Error("README.md has no route")
}

func ready(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

func testCommandsOfREADMESucceed(t *testing.T) {
	kubeconfig, bin := sandbox.Kubeconfig(t), filepath.Dir(sandbox.Binary(t, "kubectl"))
	dir := t.TempDir()
	if _, err := process.Build(t.Context(), dir, "impulse", root, "./cmd/impulse"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+bin+":"+os.Getenv("PATH"))
	t.Setenv("KUBECONFIG", kubeconfig)
	apply, err := filepath.Abs(filepath.Join(root, "deploy/manifests"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := process.Run(t.Context(), "kubectl", "apply", "--server-side", "--force-conflicts", "-k", apply); err != nil {
		t.Fatal(err, out)
	}
	if out, err := process.Run(t.Context(), "kubectl", "wait", "--for=condition=Established", "--timeout=2m", "-f", filepath.Join(root, "deploy/crds")); err != nil {
		t.Fatal(err, out)
	}
	if commands := runAll(t, dir); commands < 3 {
		t.Errorf("only %d commands were found", commands)
	}
}

// runAll writes the ScaledObject of the README to a file, runs every command of its consoles, and returns their number.
func runAll(t *testing.T, dir string) int {
	t.Helper()
	commands := 0
	for _, b := range blocks(t, "README.md") {
		if b.info == "yaml" && strings.Contains(b.text, "kind: ScaledObject") {
			if err := os.WriteFile(filepath.Join(dir, "checkout.yaml"), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if b.info != "console" {
			continue
		}
		for line := range strings.Lines(b.text) {
			command, ok := strings.CutPrefix(line, "$ ")
			if !ok {
				continue
			}
			commands++
			if out, err := process.Run(t.Context(), "sh", "-ec", "cd "+dir+"; "+command); err != nil {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
		}
	}
	return commands
}

func testPageAboutTestingShowsOutputOfItsCommands(t *testing.T) {
	dir := t.TempDir()
	if _, err := process.Build(t.Context(), dir, "impulse", root, "./cmd/impulse"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	commands := 0
	for _, b := range blocks(t, "docs/testing.md") {
		if name, ok := strings.CutPrefix(b.info, "yaml "); ok {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		command, shown, _ := strings.Cut(b.text, "\n")
		if b.info != "console" {
			continue
		}
		commands++
		// A failing test is shown, too: then the exit code is 1.
		out, err := process.Run(t.Context(), "sh", "-c", "cd "+dir+"; "+strings.TrimPrefix(command, "$ ")+` || [ $? = 1 ]`)
		if err != nil || out != shown {
			t.Errorf("docs/testing.md:%d: %s\n%v\nprints\n%s\nthe page shows\n%s", b.line, command, err, out, shown)
		}
	}
	if commands < 4 {
		t.Errorf("only %d commands were found", commands)
	}
}
