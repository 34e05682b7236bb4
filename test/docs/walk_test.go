package docs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

// walks are the pages whose console blocks are run in their order, against an API server and a running Impulse, with the number of their
// commands.
var walks = map[string]int{
	"docs/alertmanager.md":  8,
	"docs/first-object.md":  23,
	"docs/from-hpa.md":      7,
	"docs/scale-to-zero.md": 9,
	"docs/schedules.md":     3,
}

func TestWalks(t *testing.T) {
	for page, commands := range walks {
		t.Run("the commands of "+page+" print what it shows", func(t *testing.T) {
			t.Parallel()
			testCommandsOfPagePrintWhatItShows(t, page, commands)
		})
	}
}

// walk is one run of the commands of a page.
type walk struct {
	*sandbox.Env
	t           *testing.T
	dir, server string
	// prepare are the shell commands before each command of the page.
	prepare string
}

func testCommandsOfPagePrintWhatItShows(t *testing.T, page string, commands int) {
	e := sandbox.NewEnv(t)
	sandbox.ApplyCRDs(t, filepath.Join(root, "deploy/crds"))
	w := &walk{Env: e, t: t, dir: t.TempDir()}
	w.start()
	found := 0
	for _, b := range blocks(t, page) {
		form, file, _ := strings.Cut(b.info, " ")
		switch {
		case form == "yaml" && strings.HasSuffix(file, ".yaml"):
			if err := os.WriteFile(filepath.Join(w.dir, file), []byte(w.local(b.text)), 0o600); err != nil {
				t.Fatal(err)
			}
		case form == "console":
			for _, step := range strings.Split("\n"+b.text, "\n$ ")[1:] {
				found++
				line, shown, _ := strings.Cut(step, "\n")
				if !w.run(line, shown) {
					t.Fatalf("%s:%d: that was %s", page, b.line, line)
				}
			}
		}
	}
	if found != commands {
		t.Errorf("%s has %d commands, want %d", page, found, commands)
	}
}

// start starts Impulse for the namespace, with a token that `impulse send` finds in its environment.
func (w *walk) start() {
	w.t.Helper()
	binary, err := process.Build(w.t.Context(), w.dir, "impulse", root, "./cmd/impulse")
	if err != nil {
		w.t.Fatal(err)
	}
	const token = "token-of-the-docs"
	tokens := filepath.Join(w.dir, "tokens")
	if err := os.WriteFile(tokens, []byte(token+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.prepare = fmt.Sprintf("cd %s; export PATH=%s:%s:$PATH KUBECONFIG=%s IMPULSE_TOKEN=%s; ", w.dir, w.dir,
		filepath.Dir(sandbox.Binary(w.t, "kubectl")), w.Kubeconfig, token)
	address := testkit.FreeAddress(w.t)
	w.server = "http://" + address
	p := testkit.StartProgram(w.t, "impulse", binary, "run", "--kubeconfig", w.Kubeconfig, "--namespace", w.Namespace, "--lease-namespace", w.Namespace,
		"--listen", address, "--page-listen", "", "--tokens-file", tokens)
	p.Eventually("Impulse is ready", func(ctx context.Context) bool { return ready(ctx, w.server+"/readyz") })
}

var (
	namespace = regexp.MustCompile(`\bshop\b`)
	// reading are commands that change nothing: they are repeated until they print what the page shows.
	reading = regexp.MustCompile(`^(kubectl (get|events|wait)|impulse (get|explain|history|alerts)) `)
	// varying are the parts of an output that differ each time: times, durations, and the space between columns.
	varying = []struct {
		pattern *regexp.Regexp
		instead string
	}{
		{regexp.MustCompile(`\b(\d{4}-\d\d-\d\d[ T])?\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
		{regexp.MustCompile(`\b(\d+(\.\d+)?(h|ms|m|s))+\b`), "DURATION"},
		{regexp.MustCompile(`<unknown>`), "DURATION"},
		{regexp.MustCompile(` +`), " "},
		{regexp.MustCompile(` *\n`), "\n"},
	}
)

// local returns a text of the page with the namespace of this test.
func (w *walk) local(text string) string { return namespace.ReplaceAllString(text, w.Namespace) }

// run runs a command, and reports whether its output is what the page shows.
func (w *walk) run(line, shown string) bool {
	w.t.Helper()
	command := w.local(line)
	for _, receiver := range []string{"impulse send alert", "impulse send value"} {
		command = strings.ReplaceAll(command, receiver, receiver+" --server "+w.server)
	}
	for _, read := range []string{"impulse get", "impulse explain"} { // The cluster may have an Impulse of another test, with a Service.
		command = strings.ReplaceAll(command, read, read+" --live=never")
	}
	if strings.Contains(command, "impulse alerts") {
		command += " --lease-namespace " + w.Namespace
	}
	var out string
	attempt := func(ctx context.Context) bool {
		var err error
		out, err = process.Run(ctx, "sh", "-c", w.prepare+command)
		out = strings.ReplaceAll(out, w.Namespace, "shop")
		return (err == nil || shown != "") && alike(out, shown) // The output of a command that fails is an error.
	}
	if reading.MatchString(line) && testkit.Poll(w.t, attempt) || attempt(w.t.Context()) {
		return true
	}
	w.t.Errorf("%s\nprints\n%s\nthe page shows\n%s", command, out, shown)
	return false
}

// alike reports whether an output is what a page shows. A line `...` of the page stands for any lines.
func alike(out, shown string) bool {
	var pattern strings.Builder
	for i, part := range strings.Split("\n"+masked(shown), "\n...\n") {
		if i > 0 {
			pattern.WriteString(`(\n|\n.*\n)`)
		}
		pattern.WriteString(regexp.QuoteMeta(part))
	}
	return regexp.MustCompile(`(?s)^` + pattern.String() + `$`).MatchString("\n" + masked(out))
}

func masked(text string) string {
	for _, v := range varying {
		text = v.pattern.ReplaceAllString(text, v.instead)
	}
	return strings.TrimSpace(text) + "\n"
}
