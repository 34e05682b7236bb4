package manifest

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// child returns the value of a key of a map, or nil.
func child(node *yaml.Node, key string) *yaml.Node {
	if node = resolved(node); node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	all, _ := pairs(node) // What cannot be merged is a problem of its own.
	for _, p := range all {
		if p.key.Value == key {
			return p.value
		}
	}
	return nil
}

// text returns the value of a scalar, or "".
func text(node *yaml.Node) string {
	if node = resolved(node); node == nil || node.Kind != yaml.ScalarNode {
		return ""
	}
	return node.Value
}

// position returns the line and column of a field such as spec.triggers[0].metadata.threshold, or those of the nearest
// thing around it. A key may hold dots: the longest that there is, is taken.
func position(node *yaml.Node, field string) (line, column int) {
	for node != nil {
		if line, column = node.Line, node.Column; field == "" {
			return line, column
		}
		node, field = descend(node, field)
	}
	return line, column
}

// descend follows the first part of a path.
func descend(node *yaml.Node, path string) (next *yaml.Node, rest string) {
	if index, tail, ok := strings.Cut(strings.TrimPrefix(path, "["), "]"); strings.HasPrefix(path, "[") && ok {
		i, err := strconv.Atoi(index)
		node = resolved(node)
		if err != nil || node.Kind != yaml.SequenceNode || i >= len(node.Content) {
			return nil, ""
		}
		return node.Content[i], strings.TrimPrefix(tail, ".")
	}
	for end := len(path); end > 0; end = strings.LastIndexAny(path[:end], ".[") {
		if c := child(node, path[:end]); c != nil {
			return c, strings.TrimPrefix(path[end:], ".")
		}
	}
	return nil, ""
}
