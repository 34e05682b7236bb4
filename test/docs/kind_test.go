package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestAddingTrigger(t *testing.T) {
	t.Run("the commands of the page make a kind whose tests pass", testCommandsOfPageMakeKindWhoseTestsPass)
}

// testCommandsOfPageMakeKindWhoseTestsPass runs the commands of docs/adding-a-trigger.md in a copy of the project.
func testCommandsOfPageMakeKindWhoseTestsPass(t *testing.T) {
	copied := copyOfProject(t)
	page, err := os.ReadFile("../../docs/adding-a-trigger.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```sh\n")[1:]
	if len(blocks) != 2 {
		t.Fatalf("the page has %d blocks of commands, want 2", len(blocks))
	}
	for _, block := range append(blocks, "go vet ./triggers/myqueue ./triggers/builtin/... && go test ./test/house -run 'TestShape|TestImports|TestWords'") {
		commands, _, _ := strings.Cut(block, "```")
		c := exec.CommandContext(t.Context(), "bash", "-c", commands)
		c.Dir = copied
		c.Env = append(os.Environ(), "GIT_DIR=/nowhere", "GOFLAGS=-trimpath") // The copy is no repository, and its folder is another one each time.
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", commands, err, out)
		}
	}
	list, err := os.ReadFile(filepath.Join(copied, "docs", "triggers.md"))
	if err != nil || !strings.Contains(string(list), "\n## my-queue\n") {
		t.Errorf("docs/triggers.md does not have the new kind, error %v", err)
	}
	definition, err := os.ReadFile(filepath.Join(copied, "deploy/crds/impulse.sh_scaledobjects.yaml"))
	if err != nil || !strings.Contains(string(definition), "my-queue") {
		t.Errorf("the definition of ScaledObjects does not have the new kind, error %v", err)
	}
	if inChart, err := os.ReadFile(filepath.Join(copied, "deploy/chart/files/crds/impulse.sh_scaledobjects.yaml")); err != nil || string(inChart) != string(definition) {
		t.Errorf("the definition in the chart is another one, error %v", err)
	}
}

// copyOfProject returns a copy of the files that belong to the project.
func copyOfProject(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	const command = `cd "$0" && { git ls-files -z --cached --others --exclude-standard --deduplicate || find . -type f -print0; } | while IFS= read -r -d "" f; do
		[ ! -e "$f" ] || printf "%s\0" "$f"
	done | tar --null --files-from - --create | tar --extract --directory "$1"`
	if out, err := exec.CommandContext(t.Context(), "bash", "-c", command, root, to).CombinedOutput(); err != nil {
		t.Fatalf("copy the project: %v\n%s", err, out)
	}
	return to
}
