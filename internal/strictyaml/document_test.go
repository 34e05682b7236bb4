package strictyaml

import "testing"

func TestDocument(t *testing.T) {
	t.Run("a syntax error has the position at which the parser stopped", testSyntaxErrorHasPositionAtWhichParserStopped)
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
