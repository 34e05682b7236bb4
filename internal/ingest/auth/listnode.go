package auth

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/strictyaml"
)

// fields returns the fields of a map by name, or nil for a node that is no map.
func (l *listParser) fields(node *yaml.Node, path string, known ...string) map[string]*yaml.Node {
	if node.Kind != yaml.MappingNode {
		l.add(node, path, "expected a map of %s", strings.Join(known, ", "))
		return nil
	}
	fields := map[string]*yaml.Node{}
	lookup := func(name string) (strictyaml.Field, bool) {
		return func(value *yaml.Node, _ string) { fields[name] = value }, slices.Contains(known, name)
	}
	l.Fields(node, path, lookup, func() []string { return known })
	return fields
}

// text returns the value of a string. A number is a mistake: YAML would read 0123 and 1e9 as other numbers.
func (l *listParser) text(node *yaml.Node, path string) string {
	if node = l.Resolve(node); node.Kind != yaml.ScalarNode || node.ShortTag() != "!!str" {
		l.add(node, path, "expected a string: put it in quotes")
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
		l.add(node, "", "expected exactly one of %s", strings.Join(names, ", "))
		return ""
	}
	return given[0]
}
