package house

import (
	"maps"
	"slices"
	"testing"
)

// vagueVerbs are verbs that mean something else in each context, with what to write instead. No name begins with one of them.
var vagueVerbs = map[string]string{
	"ask": "query, read or request", "keep": "retain, or what is done", "note": "report, record or warn", "say": "write or report",
	"see": "observe, look up or visit", "settle": "await and the condition", "take": "acquire, drain or pop", "tell": "notify or report",
}

// verbExceptions are the names that begin with a vague verb nevertheless, with the reason.
var verbExceptions = map[string]string{
	"KeepCounts":         "of the flag --keep-counts",
	"keepAlive":          "the word of TCP",
	"keepCounts":         "of the flag --keep-counts",
	"Note":               "a noun",
	"note":               "a noun, as in Kubernetes' Events",
	"takeOver":           "the word of leader election and of KEDA's objects",
	"takeOverReconciled": "the word of leader election and of KEDA's objects",
}

func TestVerbs(t *testing.T) {
	t.Run("no name begins with a verb that means something else in each context", testNoNameBeginsWithVagueVerb)
}

func testNoNameBeginsWithVagueVerb(t *testing.T) {
	used := map[string]bool{}
	for _, f := range everyFile(t) {
		for _, name := range slices.Sorted(maps.Keys(declaredNames(f.ast))) {
			all := words(name)
			if len(all) == 0 || vagueVerbs[all[0]] == "" {
				continue
			}
			if used[name] = true; verbExceptions[name] == "" {
				t.Errorf("%s declares %s: %q is vague, write %s", f.path, name, all[0], vagueVerbs[all[0]])
			}
		}
	}
	for name := range verbExceptions {
		if !used[name] {
			t.Errorf("nothing is named %s: remove the exception", name)
		}
	}
}
