package strictyaml

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Child returns the value of a key of a map, or nil.
func Child(node *yaml.Node, key string) *yaml.Node {
	if node = Resolve(node); node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	all, _ := Pairs(node) // A failed merge is reported where the mapping is read.
	for _, p := range all {
		if p.Key.Value == key {
			return p.Value
		}
	}
	return nil
}

// Text returns the value of a scalar, or "".
func Text(node *yaml.Node) string {
	if node = Resolve(node); node == nil || node.Kind != yaml.ScalarNode {
		return ""
	}
	return node.Value
}

// Position returns the line and column of a field such as spec.triggers[0].metadata.threshold. If the field does not exist, it returns
// those of the innermost existing node on its path. If keys contain dots, the longest key that exists is used.
func Position(node *yaml.Node, field string) (line, column int) {
	for node != nil {
		if line, column = node.Line, node.Column; field == "" {
			return line, column
		}
		node, field = descend(node, field)
	}
	return line, column
}

// descend returns the node of the first part of a path, and the rest of the path.
func descend(node *yaml.Node, path string) (next *yaml.Node, rest string) {
	if index, tail, ok := strings.Cut(strings.TrimPrefix(path, "["), "]"); strings.HasPrefix(path, "[") && ok {
		i, err := strconv.Atoi(index)
		node = Resolve(node)
		if err != nil || node.Kind != yaml.SequenceNode || i >= len(node.Content) {
			return nil, ""
		}
		return node.Content[i], strings.TrimPrefix(tail, ".")
	}
	for end := len(path); end > 0; end = strings.LastIndexAny(path[:end], ".[") {
		if c := Child(node, path[:end]); c != nil {
			return c, strings.TrimPrefix(path[end:], ".")
		}
	}
	return nil, ""
}
