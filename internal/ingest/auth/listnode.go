package auth

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/diag"
)

// fields returns the fields of a map by name, or nil for a node that is no map.
func (l *listParser) fields(node *yaml.Node, known ...string) map[string]*yaml.Node {
	if node.Kind != yaml.MappingNode {
		l.add(node, "expected a map of %s", strings.Join(known, ", "))
		return nil
	}
	fields := map[string]*yaml.Node{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		near := diag.Nearest(key.Value, known)
		switch {
		case slices.Contains(known, key.Value) && fields[key.Value] != nil:
			l.add(key, "%s is given twice", key.Value)
		case slices.Contains(known, key.Value):
			fields[key.Value] = value
		case near != "":
			l.add(key, "unknown field: did you mean %q?", near)
		default:
			l.add(key, "unknown field: known are %s", strings.Join(known, ", "))
		}
	}
	return fields
}

// text returns the value of a string. A number is a mistake: YAML would read 0123 and 1e9 as other numbers.
func (l *listParser) text(node *yaml.Node, field string) string {
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!str" {
		l.add(node, "%s: expected a string: put it in quotes", field)
		return ""
	}
	return node.Value
}

// oneOf returns the name of the only field that is given; with none or several it adds a mistake and returns "".
func (l *listParser) oneOf(node *yaml.Node, fields map[string]*yaml.Node, names ...string) string {
	var given []string
	for _, name := range names {
		if fields[name] != nil {
			given = append(given, name)
		}
	}
	if len(given) != 1 {
		l.add(node, "expected exactly one of %s", strings.Join(names, ", "))
		return ""
	}
	return given[0]
}
