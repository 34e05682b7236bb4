package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit/helm"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestCommands(t *testing.T) {
	t.Run("the pages use known programs", testPagesUseKnownPrograms)
	t.Run("impulse has every command and flag of the pages", testImpulseHasEveryCommandAndFlagOfPages)
	t.Run("helm has every command and flag of the pages", testHelmHasEveryCommandAndFlagOfPages)
	t.Run("kubectl has every command and flag of the pages", testKubectlHasEveryCommandAndFlagOfPages)
	t.Run("a command is found with its arguments", testCommandIsFoundWithItsArguments)
}

// programs are those of the blocks of commands. Those beside impulse, helm and kubectl are not checked.
var programs = []string{"impulse", "helm", "kubectl", "make", "go", "command", "curl", "jq", "ln", "chmod", "base64", "openssl", "grep", "sed", "cat", "printf", "rm", "xargs", "export", "gunzip", "["}

// command is one command of a page, such as `impulse get -n shop`.
type command struct {
	page string
	line int
	text string
}

// substitution is one within a command. Its own commands are listed after it.
var substitution = regexp.MustCompile(`\$\(([^()]*)\)`)

// endsWithLine is the beginning of a comment, or of a file or document that is written or read, after the character before it.
var endsWithLine = regexp.MustCompile(`^(#|[ \n]#|.?>|.?<<)`)

// commandsOf returns the commands in a text of shell lines, without what they read and where they write: those of pipes, of lists and of
// substitutions as well.
func commandsOf(text string) (all []string) {
	text, inner := substitution.ReplaceAllString(text, "X"), substitution.FindAllStringSubmatch(text, -1)
	begin, quote := 0, rune(0)
	for at, r := range text + "\n" {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
			continue
		case r == '\'' || r == '"':
			quote = r
			continue
		}
		rest := endsWithLine.MatchString(text[max(at-1, 0):]) && (r == '#' || r == '>' || r == '<')
		if !rest && !strings.ContainsRune("|&;\n", r) {
			continue
		}
		if c := strings.TrimSpace(text[begin:at]); c != "" {
			all = append(all, c)
		}
		begin = at + 1
		if rest {
			all = append(all, commandsOf(afterLine(text[at:]))...)
			break
		}
	}
	for _, m := range inner {
		all = append(all, commandsOf(m[1])...)
	}
	return all
}

// afterLine returns the text after its first line, and after the document that the line may begin.
func afterLine(text string) string {
	line, rest, _ := strings.Cut(text, "\n")
	if _, word, ok := strings.Cut(line, "<<"); ok {
		_, rest, _ = strings.Cut(rest, "\n"+strings.Trim(word, "'")+"\n")
	}
	return rest
}

var (
	assignment = regexp.MustCompile(`^[A-Za-z_]+=\S*\s*`)
	// inline is a command within a sentence.
	inline      = regexp.MustCompile("`(?:kubectl )?(impulse(?: [a-z][^`|]*)?)`")
	placeholder = regexp.MustCompile(`…|\.\.\.`)
)

// everyCommand returns the commands of the pages: those of blocks, and within sentences those of impulse.
func everyCommand(t *testing.T) (all []command) {
	t.Helper()
	for _, page := range pages(t) {
		if page == "CHANGELOG.md" || strings.HasPrefix(page, "third_party") || strings.HasPrefix(page, "docs/design") {
			continue
		}
		for _, b := range blocks(t, page) {
			for _, c := range commandsOf(strings.ReplaceAll(shellOf(b), "\\\n", " ")) {
				if c = assignment.ReplaceAllString(c, ""); c != "" {
					all = append(all, command{page: page, line: b.line, text: c})
				}
			}
		}
		all = append(all, inlineCommands(page, read(t, page))...)
	}
	return all
}

// inlineCommands returns the commands within the sentences of a page.
func inlineCommands(page, text string) (all []command) {
	for i, line := range strings.Split(text, "\n") {
		for _, m := range inline.FindAllStringSubmatch(line, -1) {
			if !placeholder.MatchString(m[1]) {
				all = append(all, command{page: page, line: i + 1, text: m[1]})
			}
		}
	}
	return all
}

// shellOf returns the lines of a block that are commands.
func shellOf(b block) string {
	switch b.info {
	case "sh":
		return b.text
	case "console":
		return consoleCommands(b.text)
	default:
		return ""
	}
}

// consoleCommands returns the lines after the prompts.
func consoleCommands(text string) string {
	var lines strings.Builder
	for line := range strings.Lines(text) {
		if line, ok := strings.CutPrefix(line, "$ "); ok {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

func testPagesUseKnownPrograms(t *testing.T) {
	for _, c := range everyCommand(t) {
		if program, _, _ := strings.Cut(c.text, " "); !slices.Contains(programs, program) {
			t.Errorf("%s:%d: the program of %q is not among %q", c.page, c.line, c.text, programs)
		}
	}
}

func testImpulseHasEveryCommandAndFlagOfPages(t *testing.T) {
	dir := t.TempDir()
	binary, err := process.Build(t.Context(), dir, "impulse", root, "./cmd/impulse")
	if err != nil {
		t.Fatal(err)
	}
	checkUsage(t, "impulse", binary, 100)
}

func testHelmHasEveryCommandAndFlagOfPages(t *testing.T) {
	checkUsage(t, "helm", helm.Binary(t, root), 10)
}

func testKubectlHasEveryCommandAndFlagOfPages(t *testing.T) {
	checkUsage(t, "kubectl", sandbox.Binary(t, "kubectl"), 50)
}

// checkUsage runs each command of the pages with --help, which fails for an unknown command or flag. There are at least so many.
func checkUsage(t *testing.T, program, binary string, least int) {
	t.Helper()
	t.Setenv("PATH", filepath.Dir(binary)+":"+os.Getenv("PATH"))
	found, checked := 0, map[string]bool{}
	for _, c := range everyCommand(t) {
		c.text = strings.ReplaceAll(c.text, "kubectl impulse", "impulse")
		if first, _, _ := strings.Cut(c.text, " "); first != program {
			continue
		}
		found++
		if checked[c.text] {
			continue
		}
		checked[c.text] = true
		arguments, _, _ := strings.Cut(c.text, " -- ") // What follows is for another program.
		if last := arguments[strings.LastIndex(arguments, " ")+1:]; strings.HasPrefix(last, "-") {
			arguments += " value" // A sentence may name a flag without its value.
		}
		run := exec.CommandContext(t.Context(), "sh", "-c", arguments+" --help")
		run.Env = append(os.Environ(), "HELM_PLUGINS="+t.TempDir(), "KUBECONFIG=/dev/null")
		if out, err := run.CombinedOutput(); err != nil {
			t.Errorf("%s:%d: %s: %v\n%s", c.page, c.line, c.text, err, out)
		}
	}
	if found < least {
		t.Errorf("found %d commands of %s, want %d or more", found, program, least)
	}
}

func testCommandIsFoundWithItsArguments(t *testing.T) {
	for text, want := range map[string][]string{
		"impulse get -n shop   # all\nhelm list":                                     {"impulse get -n shop", "helm list"},
		"kubectl get so -o json | jq '.items | length' > n.txt\necho a":              {"kubectl get so -o json", "jq '.items | length'", "echo a"},
		"kubectl apply -f - <<'YAML'\napiVersion: v1\nYAML\nimpulse top":             {"kubectl apply -f -", "impulse top"},
		`token=$(kubectl get secret a -o jsonpath='{.data.token}')`:                  {"token=X", "kubectl get secret a -o jsonpath='{.data.token}'"},
		`kubectl create secret generic a --from-literal=t="$(openssl rand -hex 24)"`: {`kubectl create secret generic a --from-literal=t="X"`, "openssl rand -hex 24"},
	} {
		if got := commandsOf(text); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
