package strictyaml

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestDocument(t *testing.T) {
	t.Run("a syntax error has the position at which the parser stopped", testSyntaxErrorHasPositionAtWhichParserStopped)
	t.Run("a document that is no YAML does not stop the others", testDocumentThatIsNoYAMLDoesNotStopOthers)
	t.Run("tabs are allowed where YAML allows them", testTabsAreAllowedWhereYAMLAllowsThem)
	t.Run("an expanded node has no aliases, no merges and the last of repeated keys", testExpandedNodeHasNoAliasesNoMergesAndLastOfRepeatedKeys)
}

// The line is that of the mistake; the column is where the parser noticed it, a word or two further on.
func testSyntaxErrorHasPositionAtWhichParserStopped(t *testing.T) {
	for content, want := range map[string]string{
		"a: b\n c: d\n": "f:2:5: is not YAML: mapping values are not allowed in this context",
		"tests:\n- name: a\n  inputs: []\n expect: []\n": "f:4:11: is not YAML: did not find expected key",
		"a: {b: 1,\n  c: 2 d: 3}\n":                      "f:2:12: is not YAML: did not find expected ',' or '}'",
		"a: {query: sum(rate(x[1m])), b: 1}\n":           "f:1:28: is not YAML: did not find expected ',' or '}'",
		`{"tests": [{"name": "a" "b": 1}]}`:              "f:1:33: is not YAML: did not find expected ',' or '}'",
		"a: 1\n\tb: 2\n":                                 "f:2:2: is not YAML: found a tab character that violates indentation",
		"a: 'b\nc: d\n":                                  "f:2:4: is not YAML: found unexpected end of stream",
		"a: [1, 2\nb: 3\n":                               "f:2:4: is not YAML: did not find expected ',' or ']'",
		"a: *b\n":                                        "f:1:4: is not YAML: unknown anchor 'b' referenced",
		"- a\nb: c\n":                                    "f:2:4: is not YAML: did not find expected '-' indicator",
		"ok: 1\n---\n- a\n-b\n? [\n":                     "f:5:3: is not YAML: could not find expected ':'",
		"\x00\x01":                                       "f:1:1: is not YAML: control characters are not allowed",
	} {
		r := &Reader{File: "f"}
		r.Documents([]byte(content))
		problems := r.Errors()
		got := ""
		if len(problems) > 0 {
			got = problems[0].Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", content, got, want)
		}
	}
}

func testDocumentThatIsNoYAMLDoesNotStopOthers(t *testing.T) {
	r := &Reader{File: "f"}
	var got []string
	for _, document := range r.Documents([]byte("a: 1\r\n---\r\nb: [\r\n--- # c\nc: {\n--- {d: 2}\n---\n# nothing\n---\n\ne: |\n  ---\n  x\n")) {
		got = append(got, fmt.Sprintf("%d:%s", document.Line, document.Content[0].Value))
	}
	if want := "1:a 6:d 11:e"; strings.Join(got, " ") != want || r.Count() != 2 {
		t.Errorf("got the documents %q and %d errors %v, want %q and 2", got, r.Count(), r.Errors(), want)
	}
	if line := r.Errors()[1].Line; line != 5 {
		t.Errorf("got the second error in line %d, want 5", line)
	}
}

func testTabsAreAllowedWhereYAMLAllowsThem(t *testing.T) {
	for content, want := range map[string]string{
		"a: b\n\t\nc: d\n": "map[a:b c:d]", "a:\tb\t# c\n  \t # d\nc: [d,\n\te]\n": "map[a:b c:[d e]]",
		"a: |\n  b\n\n  \tc\n\t\n": "map[a:b\n\n\tc\n]", "a:\n\tb: c\n": "",
	} {
		r := &Reader{File: "f"}
		got := ""
		for _, document := range r.Documents([]byte(content)) {
			var value any
			if err := document.Decode(&value); err != nil {
				t.Fatal(err)
			}
			got = fmt.Sprint(value)
		}
		if got != want || (r.Count() > 0) != (want == "") {
			t.Errorf("%q: got %q and %v, want %q", content, got, r.Errors(), want)
		}
	}
}

func testExpandedNodeHasNoAliasesNoMergesAndLastOfRepeatedKeys(t *testing.T) {
	const content = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\nd: [{e: 4, e: 5}]\n"
	r := &Reader{File: "f"}
	var twice []string
	expanded, err := Expand(r.Documents([]byte(content))[0], func(path string) { twice = append(twice, path) })
	if err != nil {
		t.Fatal(err)
	}
	got, err := yaml.Marshal(expanded)
	if err != nil {
		t.Fatal(err)
	}
	const want = "a: {x: 1, y: 2}\nb: {y: 3, x: 1}\nc: {x: 1, y: 2}\nd: [{e: 5}]\n"
	if string(got) != want || fmt.Sprint(twice) != "[d[0].e]" {
		t.Errorf("got %q and the repeated keys %v, want %q and d[0].e", got, twice, want)
	}
}
