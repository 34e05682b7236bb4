package strictyaml

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestReader(t *testing.T) {
	t.Run("a document is decoded strictly", testDocumentIsDecodedStrictly)
	t.Run("errors quote no secret", testErrorsQuoteNoSecret)
}

// read reads a file that has the fields name, a text, and list, a list of texts; name may be given again.
func read(content string, secret bool) (values []string, r *Reader) {
	r = &Reader{File: "f", Secret: secret}
	text := func(value *yaml.Node, path string) {
		if s, ok := r.Scalar(value, path, "a text"); ok {
			values = append(values, path+"="+s)
		}
	}
	fields := map[string]Field{"name": text, "list": func(value *yaml.Node, path string) { r.List(value, path, text) }}
	lookup := func(name string) (Field, bool) { field, ok := fields[name]; return field, ok }
	for _, document := range r.Documents([]byte(content)) {
		r.Fields(document, "", lookup, func() []string { return []string{"list", "name"} }, "name")
	}
	return values, r
}

func testDocumentIsDecodedStrictly(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		values  string
		errors  []string
	}{
		"values":                             {"name: a\nlist: [b, &c c, *c]\n", "name=a list[0]=b list[1]=c list[2]=c", nil},
		"a repeatable field":                 {"name: a\nname: b\n", "name=a name=b", nil},
		"a field of a merged map":            {"list: [a]\n<<: {name: b, list: [c]}\n", "list[0]=a name=b", nil},
		"a repeated field":                   {"list: [a]\nlist: [b]\n", "list[0]=a", []string{"f:2:1: list: is given twice"}},
		"a repeated field of a merged map":   {"<<: {list: [a], list: [b]}\n", "list[0]=a", []string{"f:1:17: list: is given twice"}},
		"an unknown field":                   {"nam: a\nx: b\n", "", []string{`f:1:1: nam: unknown field (did you mean "name"?)`, "f:2:1: x: unknown field (known are list, name)"}},
		"values of another type":             {"name: [a]\nlist: b\n", "", []string{"f:1:7: name: is a list (a text was expected)", `f:2:7: list: is "b" (a list was expected)`}},
		"an empty value":                     {"name:\n", "", []string{"f:1:6: name: is empty (a text was expected)"}},
		"a merge of no map":                  {"<<: 5\nname: a\n", "name=a", []string{"f:1:1: << merges what is neither a map nor a list of maps"}},
		"a second document that is not YAML": {"name: a\n---\nb: [\n", "name=a", []string{"f:3:4: is not YAML: did not find expected node content"}},
	} {
		t.Run(name, func(t *testing.T) {
			values, r := read(c.content, false)
			if got := strings.Join(values, " "); got != c.values {
				t.Errorf("%q: read %q, want %q", c.content, got, c.values)
			}
			var got []string
			for _, e := range r.Errors() {
				got = append(got, e.Error())
			}
			if fmt.Sprint(got) != fmt.Sprint(c.errors) || r.Count() != len(c.errors) {
				t.Errorf("%q: reported %d errors %q, want %q", c.content, r.Count(), got, c.errors)
			}
		})
	}
}

func testErrorsQuoteNoSecret(t *testing.T) {
	for _, content := range []string{"s3cret: a\n", "list: s3cret\n", "name: [s3cret]\n", "name: *s3cret\n", "- 's3cret\n", "<<: s3cret\n"} {
		_, r := read(content, true)
		if err := r.Err(); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: reported %v, want an error that does not quote it", content, err)
		}
	}
}

func TestReaderBounds(t *testing.T) {
	t.Run("errors", func(t *testing.T) {
		_, r := read(strings.Repeat("x: 1\n", 2000), false)
		errors := r.Errors()
		if len(errors) != maxErrors+1 || r.Count() != 2000 || errors[maxErrors].Error() != "f: has more than 1000 mistakes" {
			t.Errorf("of 2000 errors %d are reported, the last is %v; want %d and a note", len(errors), errors[len(errors)-1], maxErrors)
		}
	})
	t.Run("aliases", func(t *testing.T) {
		r := &Reader{File: "f", visits: maxVisits + 1}
		list := r.Documents([]byte("[a, b]"))[0]
		for range 2 {
			r.List(list, "", func(*yaml.Node, string) { t.Error("an item was read beyond the limit") })
		}
		if r.Count() != 1 || !strings.Contains(r.Errors()[0].Error(), "expand to more than") {
			t.Errorf("reported %v, want one error about aliases", r.Errors())
		}
	})
}
