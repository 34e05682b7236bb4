package strictyaml

import (
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// mergeTag is that of the key <<.
const mergeTag = "!!merge"

// maxMerged bounds how many keys one mapping merges, and with it mappings that merge themselves.
const maxMerged = 1000

// Errors of a mapping that merges others.
var (
	errMerge      = errors.New("<< merges what is neither a map nor a list of maps")
	errMergesMany = fmt.Errorf("<< merges more than %d keys", maxMerged)
)

// Pair is a key of a mapping and its value.
type Pair struct{ Key, Value *yaml.Node }

// merges reports whether a mapping merges others.
func merges(node *yaml.Node) bool {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Tag == mergeTag {
			return true
		}
	}
	return false
}

// Pairs returns the pairs of a mapping: its own, and then those of the mappings that << merges into it. As in kubectl, a key of its own
// wins, and of several merged mappings the first that has it.
func Pairs(node *yaml.Node) ([]Pair, error) {
	left := maxMerged
	return merged(node, &left)
}

// merged is Pairs; the mapping may merge *left keys.
func merged(node *yaml.Node, left *int) ([]Pair, error) {
	all := make([]Pair, 0, len(node.Content)/2)
	var sources []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		if key, value := node.Content[i], node.Content[i+1]; key.Tag == mergeTag {
			sources = append(sources, value)
		} else {
			all = append(all, Pair{key, value})
		}
	}
	if len(sources) == 0 {
		return all, nil
	}
	taken := make(map[string]bool, len(all))
	for _, p := range all {
		taken[p.Key.Value] = true
	}
	for _, source := range sources {
		for _, node := range mappings(source) {
			more, err := merge(node, left)
			if err != nil {
				return all, err
			}
			more = slices.DeleteFunc(more, func(p Pair) bool { return taken[p.Key.Value] })
			for _, p := range more {
				taken[p.Key.Value] = true // Only now: a key that one mapping has twice stays an error.
			}
			all = append(all, more...)
		}
	}
	return all, nil
}

// mappings returns the nodes that << with this value merges.
func mappings(source *yaml.Node) []*yaml.Node {
	if source = Resolve(source); source.Kind == yaml.SequenceNode {
		return source.Content
	}
	return []*yaml.Node{source}
}

// merge returns the pairs of one mapping that << merges.
func merge(node *yaml.Node, left *int) ([]Pair, error) {
	node = Resolve(node)
	if node.Kind != yaml.MappingNode {
		return nil, errMerge
	}
	if *left -= 1 + len(node.Content)/2; *left < 0 {
		return nil, errMergesMany
	}
	return merged(node, left)
}

// Resolve returns the node that an alias stands for, and other nodes, nil included, as they are.
func Resolve(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}
