package manifest

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// mergeTag is that of the key <<.
const mergeTag = "!!merge"

// maxMerged bounds what one mapping merges, and with it mappings that merge themselves.
const maxMerged = 1000

// Errors of a mapping that merges others.
var (
	errMerge      = errors.New("<< merges what is neither a map nor a list of maps")
	errMergesMany = fmt.Errorf("<< merges more than %d keys", maxMerged)
)

// pair is a key of a mapping and its value.
type pair struct{ key, value *yaml.Node }

// pairs returns what a mapping holds: its own keys, and then those of the mappings that << merges into it. As in kubectl, a key
// of its own wins, and of several merged mappings the first that has it.
func pairs(node *yaml.Node) ([]pair, error) {
	left := maxMerged
	return merged(node, &left)
}

// merged is pairs for a mapping that may merge so many keys.
func merged(node *yaml.Node, left *int) ([]pair, error) {
	all := make([]pair, 0, len(node.Content)/2)
	var sources []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		if key, value := node.Content[i], node.Content[i+1]; key.Tag == mergeTag {
			sources = append(sources, value)
		} else {
			all = append(all, pair{key, value})
		}
	}
	if len(sources) == 0 {
		return all, nil
	}
	taken := make(map[string]bool, len(all))
	for _, p := range all {
		taken[p.key.Value] = true
	}
	for _, source := range sources {
		more, err := mergedOf(source, left)
		if err != nil {
			return all, err
		}
		for _, p := range more {
			if !taken[p.key.Value] {
				taken[p.key.Value] = true
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// mergedOf returns what the value of one << holds.
func mergedOf(source *yaml.Node, left *int) ([]pair, error) {
	source = resolved(source)
	maps := []*yaml.Node{source}
	if source.Kind == yaml.SequenceNode {
		maps = source.Content
	}
	var all []pair
	for _, node := range maps {
		node = resolved(node)
		if node.Kind != yaml.MappingNode {
			return nil, errMerge
		}
		if *left -= 1 + len(node.Content)/2; *left < 0 {
			return nil, errMergesMany
		}
		more, err := merged(node, left)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// resolved follows an alias; nil is none.
func resolved(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}
