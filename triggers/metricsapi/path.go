package metricsapi

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// maxPathBytes is the maximum length of a path. It bounds how often an answer is searched.
const maxPathBytes = 1024

// path is a path of GJSON. GJSON does not check that an answer is JSON, and some of its modifiers return an empty list for a value that does
// not exist: a path that ends in # would then read the length 0. So find checks the answer first, and then the values that the modifiers
// keys, values and fromstr are applied to.
type path struct {
	text      string
	modifiers []modifier
}

// modifier is a modifier of GJSON in a path.
type modifier struct {
	name string
	// before is the path to the value that it is applied to. whole is true if that is the whole answer.
	before string
	whole  bool
}

// The modifiers that are supported. After modifier.check, none of them makes a number of a value that does not exist, and no result is
// larger than the value that the modifier is applied to.
var modifiers = []string{"this", "valid", "ugly", "reverse", "flatten", "keys", "values", "fromstr"}

// find implements finder.
func (p path) find(answer io.Reader) (scalers.Milli, error) {
	content, err := readAll(answer, maxJSONBytes)
	if err != nil {
		return 0, err
	}
	if err := p.check(content); err != nil {
		return 0, malformed("JSON", err)
	}
	text := string(content)
	for _, m := range p.modifiers {
		if err := m.check(text); err != nil {
			return 0, err
		}
	}
	return jsonNumber(gjson.Get(text, p.text))
}

// check returns an error if an answer is not JSON, or not lines of JSON if the path begins with two dots.
func (p path) check(content []byte) error {
	if !strings.HasPrefix(p.text, "..") {
		_, err := triggers.DecodeJSON(content)
		return err
	}
	for line := range bytes.Lines(content) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if _, err := triggers.DecodeJSON(line); err != nil {
			return err
		}
	}
	return nil
}

// check returns an error if @keys or @values is not applied to an object, or @fromstr not to a text with JSON. The other modifiers make no
// value of a missing one.
func (m modifier) check(text string) error {
	applied := func() gjson.Result {
		if m.whole {
			return gjson.Parse(text)
		}
		return gjson.Get(text, m.before)
	}
	switch m.name {
	case "keys", "values":
		if !applied().IsObject() {
			return fmt.Errorf("@%s is not applied to an object", m.name)
		}
	case "fromstr":
		inner := applied()
		if inner.Type != gjson.String {
			return errMissing
		}
		if _, err := triggers.DecodeJSON([]byte(inner.Str)); err != nil {
			return malformed("JSON in the text of @fromstr", err)
		}
	}
	return nil
}

// jsonNumber returns the number in a value.
func jsonNumber(r gjson.Result) (scalers.Milli, error) {
	const longest = 64 // ParseMilli accepts no longer number.
	switch {
	case !r.Exists():
		return 0, errMissing
	case r.Type == gjson.Null:
		return 0, errNull
	case r.Type == gjson.String:
		return number(r.Str)
	case r.Type == gjson.JSON:
		return 0, errCompound
	case r.Type != gjson.Number:
		return 0, errBoolean
	case len(r.Raw) > longest:
		return float(r.Num)
	}
	return number(r.Raw)
}

// parsePath returns a path. problem is what is wrong with it; "" if nothing is.
func parsePath(text string) (p path, problem string) {
	p.text = text
	if len(text) > maxPathBytes {
		return p, fmt.Sprintf("is longer than %d bytes", maxPathBytes)
	}
	depth, begins := 0, true // depth counts the brackets of queries; begins is true where a component begins.
	for i := 0; i < len(text); i++ {
		component := begins
		begins = false
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '.', c == '|':
			begins = true
		case component && (c == '{' || c == '['):
			return p, "joins several paths: it must lead to one number"
		case component && c == '!' && depth == 0:
			return p, "has a literal, which does not come from the answer"
		case component && c == '@':
			m, problem := modifierAt(text, i, depth)
			switch {
			case problem != "":
				return p, problem
			case m.name != "":
				p.modifiers = append(p.modifiers, m)
			}
			i += len(deepFlatten(text[i:]))
		case depth > 0 && c == '"':
			i += quoted(text[i:])
		case (c == '(' || c == '[') && (depth > 0 || i > 0 && text[i-1] == '#'):
			depth, begins = depth+1, true
		case (c == ')' || c == ']') && depth > 0:
			depth--
		}
	}
	if depth > 0 {
		return p, "has a query that does not end"
	}
	return p, ""
}

// deep is the only modifier with an argument that is supported.
const deep = `@flatten:{"deep":true}`

// deepFlatten returns deep without the @ if a path begins with deep, and "" otherwise.
func deepFlatten(text string) string {
	if strings.HasPrefix(text, deep) {
		return deep[1:]
	}
	return ""
}

// modifierAt returns the modifier at a position of a path. A component that begins with @ and is no modifier is the name of a key.
func modifierAt(path string, at, depth int) (m modifier, problem string) {
	name := path[at+1:]
	if end := strings.IndexAny(name, ".|:)]"); end >= 0 {
		name = name[:end]
	}
	switch {
	case !gjson.ModifierExists(name, nil):
		return m, ""
	case !slices.Contains(modifiers, name):
		return m, fmt.Sprintf("has @%s, which is not supported", name)
	case depth > 0:
		return m, fmt.Sprintf("has @%s in a query, which is not supported", name)
	case strings.HasPrefix(path[at+1+len(name):], ":") && deepFlatten(path[at:]) == "":
		return m, fmt.Sprintf("has an argument of @%s that is not supported", name)
	}
	return modifier{name: name, before: path[:max(at-1, 0)], whole: at == 0}, ""
}

// quoted returns the number of bytes from a quote to the one that ends it.
func quoted(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(text)
}
