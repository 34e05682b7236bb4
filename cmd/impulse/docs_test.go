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

// consoles finds the consoles of a page: a command, and what it prints.
var consoles = regexp.MustCompile("(?s)```console\n\\$ impulse ([^\n]+)\n(.*?)```")

// What docs/simulate.md shows is what the commands in it print and draw.
func TestThePageAboutSimulationShowsWhatItsCommandsGive(t *testing.T) {
	page, err := filepath.Abs("../../docs/simulate.md")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile("../../docs/simulate/api.png")
	if err != nil && !*rewrite {
		t.Fatal(err)
	}
	t.Chdir("../../docs/simulate")
	found := consoles.FindAllSubmatch(content, -1)
	if len(found) != 2 {
		t.Fatalf("%d commands", len(found))
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
			t.Fatalf("%v: exit code %d, %s", args, code, errs)
		}
		if *rewrite {
			content = bytes.Replace(content, console[0], []byte("```console\n$ impulse "+command+"\n"+out+"```"), 1)
			continue
		}
		if out != string(console[2]) {
			t.Errorf("%v prints\n%sthe page shows\n%s", args, out, console[2])
		}
		if slices.Contains(args, drawn) {
			same(t, drawn, picture)
		}
	}
	if *rewrite {
		if err := os.WriteFile(page, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// same compares a picture with the one that is shown.
func same(t *testing.T, path string, shown []byte) {
	t.Helper()
	if drawn, err := os.ReadFile(path); err != nil || !bytes.Equal(drawn, shown) {
		t.Errorf("the picture is another one now, %v: go test ./cmd/impulse -rewrite, and look at it", err)
	}
}
