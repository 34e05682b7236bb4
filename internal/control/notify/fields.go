package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/strictyaml"
)

// add adds a mistake at a node.
func (p *parser) add(node *yaml.Node, path, problem, suggestion string) {
	p.Report(node, path, problem, suggestion)
}

// fields returns the fields of a map by name, or nil for a node that is no map.
func (p *parser) fields(node *yaml.Node, path string, known ...string) map[string]*yaml.Node {
	if node = p.Resolve(node); node.Kind != yaml.MappingNode {
		p.WrongType(node, path, "a map with "+strings.Join(known, ", "))
		return nil
	}
	fields := map[string]*yaml.Node{}
	lookup := func(name string) (strictyaml.Field, bool) {
		return func(value *yaml.Node, _ string) { fields[name] = value }, slices.Contains(known, name)
	}
	p.Fields(node, path, lookup, func() []string { return known })
	return fields
}

// required returns the node of a field; if it is missing, it adds a mistake and returns nil.
func (p *parser) required(node *yaml.Node, fields map[string]*yaml.Node, path, name string) *yaml.Node {
	if fields[name] == nil {
		p.add(node, path+"."+name, "is required", "")
	}
	return fields[name]
}

// oneOf returns the name of the only field that is given; with none or several it adds a mistake and returns "".
func (p *parser) oneOf(node *yaml.Node, path string, fields map[string]*yaml.Node, names ...string) string {
	var given []string
	for _, name := range names {
		if fields[name] != nil {
			given = append(given, name)
		}
	}
	if len(given) != 1 {
		p.add(node, path, fmt.Sprintf("has %d of %s", len(given), strings.Join(names, ", ")), "exactly one was expected")
		return ""
	}
	return given[0]
}

// text returns the value of a string. A number is a mistake: YAML would read 0123 and 1e9 as other numbers.
func (p *parser) text(node *yaml.Node, path string) string {
	if node = p.Resolve(node); node.Kind != yaml.ScalarNode || node.ShortTag() != "!!str" {
		p.WrongType(node, path, "a string, in quotes if it looks like a number,")
		return ""
	}
	return node.Value
}

// texts returns the values of a list of strings that is not empty. check returns the problem with one, and a suggestion.
func (p *parser) texts(node *yaml.Node, path string, check func(text string) (problem, suggestion string)) []string {
	var all []string
	p.List(node, path, func(item *yaml.Node, path string) {
		before := p.Count()
		text := p.text(item, path)
		if p.Count() > before {
			return
		}
		if problem, suggestion := check(text); problem != "" {
			p.add(item, path, problem, suggestion)
		}
		all = append(all, text)
	})
	if node.Kind == yaml.SequenceNode && len(node.Content) == 0 {
		p.add(node, path, "is an empty list", "remove it to select all")
	}
	return all
}

// duration returns the value of a duration; the default if it is not given.
func (p *parser) duration(node *yaml.Node, path string, otherwise, least, most time.Duration) time.Duration {
	if node == nil {
		return otherwise
	}
	d, err := time.ParseDuration(p.text(node, path))
	if err != nil || d < least || d > most {
		p.add(node, path, "is no duration in its range", fmt.Sprintf("%s to %s was expected, such as %s", least, most, otherwise))
	}
	return d
}
