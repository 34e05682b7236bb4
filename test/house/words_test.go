package house

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// retired are words that nothing may be named after any more, in any module of the project: no identifier, package, file or folder, field of
// JSON, flag, metric or key of a log. With them are the words that the project uses instead; their plurals are retired, too. A word is on the
// list only when it has no legitimate use in this project; docs/glossary.md has the vocabulary.
var retired = map[string]string{
	"advice": "lint", "bell": "notifier", "blind": "unknown", "book": "account", "borrow": "acquire",
	"careful": "guarded", "contest": "contested", "culprit": "firstUnknown", "door": "endpoint or receiver",
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
	t.Run("no name uses a retired word: identifiers, and what users see", testNoNameUsesRetiredWord)
	t.Run("no file or folder uses a retired word", testNoFileOrFolderUsesRetiredWord)
	t.Run("an identifier is split into its words", testIdentifierIsSplitIntoItsWords)
}

func testNoNameUsesRetiredWord(t *testing.T) {
	for _, f := range everyFile(t) {
		names := declaredNames(f.ast)
		names[f.ast.Name.Name] = true
		maps.Copy(names, publicNames(f.ast))
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if word, instead := retiredIn(name); word != "" {
				t.Errorf("%s has the name %s: %q is retired, write %s", f.path, name, word, instead)
			}
		}
	}
}

func testNoFileOrFolderUsesRetiredWord(t *testing.T) {
	for _, at := range elements(t) {
		if word, instead := retiredIn(path.Base(at)); word != "" {
			t.Errorf("%s: %q is retired, write %s", at, word, instead)
		}
	}
}

// retiredIn returns the first retired word of a name, and what to write instead; "" if there is none.
func retiredIn(name string) (word, instead string) {
	for _, word := range words(name) {
		for _, singular := range []string{word, strings.TrimSuffix(word, "s")} {
			if instead, ok := retired[singular]; ok {
				return word, instead
			}
		}
	}
	return "", ""
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

// words splits an identifier or a file name into its words, in lower case.
func words(name string) []string {
	var all []string
	for _, part := range camelWord.FindAllString(acronymEnd.ReplaceAllString(name, "${1}_${2}"), -1) {
		all = append(all, strings.ToLower(part))
	}
	return all
}
