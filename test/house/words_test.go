package house

import (
	"go/ast"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// retired are words that no identifier, package or file may be named after any more, and the word that the project uses
// instead; their plurals are retired, too. A word is on the list only when it has no legitimate use in this project; docs/glossary.md has the
// vocabulary.
var retired = map[string]string{
	"advice": "lint", "bell": "notifier", "blind": "unknown", "book": "account", "borrow": "acquire",
	"careful": "guarded", "contest": "conflict back-off", "culprit": "firstUnknown", "door": "endpoint or receiver",
	"doorway": "route handler", "doubt": "lateFiring", "doubtful": "late", "fact": "record",
	"gist": "summary", "heal": "recover",
	"keeper": "finalizer store", "knock": "request", "landed": "onResult", "legacy": "handover", "lender": "provider",
	"loan": "reference", "mailbox": "inbox", "mirror": "store adapter", "patience": "timeout", "pledge": "syncFinalizer",
	"pursue": "reconcileWrite", "rehearsal": "engine", "rehearse": "simulate", "rehearsed": "simulated", "rival": "claimant",
	"roster": "pod lister", "shelf": "reference pool", "sight": "observation", "stake": "claim",
	"standing": "state", "story": "spec", "stranger": "anonymous", "trouble": "fault",
	"twin": "reference model", "unbook": "account", "unsure": "activityUnknown", "visitor": "principal",
	"whoever": "the role, such as caller or subscriber", "world": "env",
}

// camelWord is a word within an identifier. An acronym before another word, as HTTP in HTTPServer, is cut off first.
var (
	acronymEnd = regexp.MustCompile(`([A-Z]+)([A-Z][a-z])`)
	camelWord  = regexp.MustCompile(`[A-Z]?[a-z]+|[A-Z]+`)
)

func TestWords(t *testing.T) {
	t.Run("no identifier uses a retired word", testNoIdentifierUsesRetiredWord)
	t.Run("an identifier is split into its words", testIdentifierIsSplitIntoItsWords)
}

func testNoIdentifierUsesRetiredWord(t *testing.T) {
	for _, f := range files(t) {
		names := declaredNames(f.ast)
		names[f.ast.Name.Name] = true
		names[strings.TrimSuffix(path.Base(f.path), ".go")] = true
		for _, name := range slices.Sorted(maps.Keys(names)) {
			for _, word := range words(name) {
				instead, ok := retired[word]
				if !ok {
					instead, ok = retired[strings.TrimSuffix(word, "s")]
				}
				if ok {
					t.Errorf("%s declares %s: %q is retired, write %s", f.path, name, word, instead)
				}
			}
		}
	}
}

func testIdentifierIsSplitIntoItsWords(t *testing.T) {
	for name, want := range map[string]string{
		"gist": "gist", "podRoster": "pod roster", "HTTPGist": "http gist", "newAPIServer2Loans": "new api server loans",
		"pledge_test": "pledge test", "logist": "logist", "ID": "id",
	} {
		if got := strings.Join(words(name), " "); got != want {
			t.Errorf("words(%q) = %q, want %q", name, got, want)
		}
	}
}

// declaredNames returns the names that a file declares: functions, types, constants, variables, fields, methods and parameters.
func declaredNames(tree *ast.File) map[string]bool {
	names := map[string]bool{}
	add := func(expressions ...ast.Expr) {
		for _, e := range expressions {
			if name, ok := e.(*ast.Ident); ok {
				names[name.Name] = true
			}
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			names[n.Name.Name] = true
		case *ast.TypeSpec:
			names[n.Name.Name] = true
		case *ast.ValueSpec:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		case *ast.Field:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				add(n.Lhs...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				add(n.Key, n.Value)
			}
		}
		return true
	})
	return names
}

// words splits an identifier or a file name into its words, in lower case.
func words(name string) []string {
	var all []string
	for _, part := range camelWord.FindAllString(acronymEnd.ReplaceAllString(name, "${1}_${2}"), -1) {
		all = append(all, strings.ToLower(part))
	}
	return all
}
