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

// consoles finds the consoles of a page: a command, and what it prints.
var consoles = regexp.MustCompile("(?s)```console\n\\$ impulse ([^\n]+)\n(.*?)```")

// What the pages show is what the commands in them print and draw, in the folder that both speak of.
func testPagesShowOutputOfTheirCommands(t *testing.T) {
	for page, commands := range map[string]int{"simulate.md": 2, "explain.md": 1} {
		t.Run(page, func(t *testing.T) { shows(t, page, commands) })
	}
}

// shows runs the commands of a page of docs, of which there are so many.
func shows(t *testing.T, name string, commands int) {
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
	found := consoles.FindAllSubmatch(content, -1)
	if len(found) != commands {
		t.Fatalf("%d commands, want %d", len(found), commands)
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
			same(t, drawn)
		}
	}
	if *rewrite {
		if err := os.WriteFile(page, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// same compares a picture with the one that is shown.
func same(t *testing.T, path string) {
	t.Helper()
	shown, err := os.ReadFile("api.png")
	if err != nil {
		t.Fatal(err)
	}
	if drawn, err := os.ReadFile(path); err != nil || !bytes.Equal(drawn, shown) {
		t.Errorf("the picture is another one now, %v: go test ./cmd/impulse -rewrite, and look at it", err)
	}
}
