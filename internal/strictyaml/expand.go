package strictyaml

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Bounds of an object whose aliases and merges are expanded.
const (
	maxExpanded      = 200_000
	maxExpandedDepth = 100
)

// Errors of a node that expands to too much.
var (
	errExpandsDeep  = fmt.Errorf("it nests deeper than %d", maxExpandedDepth)
	errExpandsMuch  = fmt.Errorf("it expands to more than %d values", maxExpanded)
	errKeyNotString = errors.New("a key is not a string")
)

// Expand returns a copy of a node in which every alias is replaced by what it stands for, every << by what it merges, and every key by
// its last value, as kubectl does. twice is called with the path of each key that is given more than once. The copy can be changed; it
// has the positions of the original.
func Expand(node *yaml.Node, twice func(path string)) (*yaml.Node, error) {
	e := &expander{left: maxExpanded, twice: twice}
	return e.expand(node, "", 0)
}

type expander struct {
	left  int
	twice func(path string)
}

func (e *expander) expand(node *yaml.Node, path string, depth int) (*yaml.Node, error) {
	node = Resolve(node)
	switch e.left--; {
	case depth > maxExpandedDepth:
		return nil, errExpandsDeep
	case e.left < 0:
		return nil, errExpandsMuch
	}
	expanded := *node
	expanded.Anchor, expanded.Content = "", nil
	if node.Kind == yaml.MappingNode {
		return &expanded, e.pairs(&expanded, node, path, depth)
	}
	for i, inner := range node.Content {
		one, err := e.expand(inner, fmt.Sprintf("%s[%d]", path, i), depth+1)
		if err != nil {
			return nil, err
		}
		expanded.Content = append(expanded.Content, one)
	}
	return &expanded, nil
}

// pairs expands the pairs of a mapping.
func (e *expander) pairs(expanded, node *yaml.Node, path string, depth int) error {
	all, err := Pairs(node)
	if err != nil {
		return err
	}
	at := make(map[string]int, len(all))
	for _, p := range all {
		key := *Resolve(p.Key)
		if key.Kind != yaml.ScalarNode {
			return errKeyNotString
		}
		key.Anchor = ""
		value, err := e.expand(p.Value, Join(path, key.Value), depth+1)
		if err != nil {
			return err
		}
		if i, given := at[key.Value]; given {
			e.twice(Join(path, key.Value))
			expanded.Content[i] = value
			continue
		}
		at[key.Value] = len(expanded.Content) + 1
		expanded.Content = append(expanded.Content, &key, value)
	}
	return nil
}
