package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestDocs(t *testing.T) {
	t.Run("the pages show the output of their commands", testPagesShowOutputOfTheirCommands)
}

// consoleBlocks matches the console blocks of a page: a command, and its output.
var consoleBlocks = regexp.MustCompile("(?s)```console\n\\$ impulse ([^\n]+)\n(.*?)```")

// The commands of the pages, run in docs/simulate, print and draw what the pages show.
func testPagesShowOutputOfTheirCommands(t *testing.T) {
	for page, commands := range map[string]int{"simulate.md": 2, "explain.md": 1} {
		t.Run(page, func(t *testing.T) { checkPage(t, page, commands) })
	}
}

// checkPage runs the commands of a page and compares their output. The page must have the given number of commands.
func checkPage(t *testing.T, name string, commands int) {
	t.Helper()
	page, err := filepath.Abs("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("../../docs/simulate")
	found := consoleBlocks.FindAllSubmatch(content, -1)
	if len(found) != commands {
		t.Fatalf("docs/%s has %d commands, want %d", name, len(found), commands)
	}
	for _, console := range found {
		command := string(console[1])
		drawn := filepath.Join(t.TempDir(), "api.png")
		if *rewrite {
			drawn = "api.png"
		}
		args := strings.Fields(strings.Replace(command, "--plot api.png", "--plot "+drawn, 1))
		code, out, errs := impulse(t, "", args...)
		if code != 0 || errs != "" {
			t.Fatalf("%v: got exit code %d, want 0; output %s", args, code, errs)
		}
		if *rewrite {
			content = bytes.Replace(content, console[0], []byte("```console\n$ impulse "+command+"\n"+out+"```"), 1)
			continue
		}
		if out != string(console[2]) {
			t.Errorf("%v prints\n%sthe page shows\n%s", args, out, console[2])
		}
		if slices.Contains(args, drawn) {
			comparePicture(t, drawn)
		}
	}
	if *rewrite {
		if err := os.WriteFile(page, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// comparePicture compares a picture with docs/simulate/api.png.
func comparePicture(t *testing.T, path string) {
	t.Helper()
	shown, err := os.ReadFile("api.png")
	if err != nil {
		t.Fatal(err)
	}
	if drawn, err := os.ReadFile(path); err != nil || !bytes.Equal(drawn, shown) {
		t.Errorf("docs/simulate/api.png differs from the drawn picture (error %v): run go test ./cmd/impulse -rewrite, and review it", err)
	}
}
