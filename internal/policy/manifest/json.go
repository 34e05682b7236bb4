package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/strictyaml"
)

// decode decodes a node into an API type, by way of JSON: API types have no other decoder.
func decode(node *yaml.Node, into any) error {
	content, err := appendJSON(nil, node, 0)
	if err == nil {
		err = json.Unmarshal(content, into)
	}
	if err != nil {
		return fmt.Errorf("read the object: %w", err)
	}
	return nil
}

// maxDepth bounds the nesting of an object, and with it that of aliases which contain themselves.
const maxDepth = 64

// Errors of objects that nest too deeply, or that are too large with their aliases expanded.
var (
	errTooDeep  = fmt.Errorf("it nests deeper than %d", maxDepth)
	errTooLarge = fmt.Errorf("it expands to more than %d bytes", maxFile)
)

// errKeyNotString is the error of a key that is a list or a map: JSON has only strings as keys.
var errKeyNotString = errors.New("a key is not a string")

// appendJSON appends a node as JSON. Numbers stay as they are written.
func appendJSON(out []byte, node *yaml.Node, depth int) ([]byte, error) {
	switch {
	case depth > maxDepth:
		return out, errTooDeep
	case len(out) > maxFile:
		return out, errTooLarge
	}
	switch node.Kind {
	case yaml.AliasNode:
		return appendJSON(out, node.Alias, depth+1)
	case yaml.MappingNode:
		out, err := appendPairs(append(out, '{'), node, depth)
		return append(out, '}'), err
	case yaml.SequenceNode:
		out = append(out, '[')
		for i, item := range node.Content {
			if i > 0 {
				out = append(out, ',')
			}
			var err error
			if out, err = appendJSON(out, item, depth+1); err != nil {
				return out, err
			}
		}
		return append(out, ']'), nil
	default:
		return appendScalar(out, node)
	}
}

// appendPairs appends the fields of a mapping.
func appendPairs(out []byte, node *yaml.Node, depth int) ([]byte, error) {
	all, err := strictyaml.Pairs(node)
	if err != nil {
		return out, err
	}
	for i, p := range all {
		switch {
		case p.Key.Kind != yaml.ScalarNode:
			return out, errKeyNotString
		case i > 0:
			out = append(out, ',')
		}
		if out, err = appendJSON(append(appendText(out, p.Key.Value), ':'), p.Value, depth+1); err != nil {
			return out, err
		}
	}
	return out, nil
}

func appendScalar(out []byte, node *yaml.Node) ([]byte, error) {
	switch node.Tag {
	case "!!null":
		return append(out, "null"...), nil
	case "!!bool":
		return append(out, strings.ToLower(node.Value)...), nil
	case "!!int", "!!float":
		return appendNumber(out, node)
	default:
		return appendText(out, node.Value), nil
	}
}

// appendNumber appends a number as it is written. A form that JSON does not have, such as 0x10 or .inf, is converted.
func appendNumber(out []byte, node *yaml.Node) ([]byte, error) {
	if json.Valid([]byte(node.Value)) {
		return append(out, node.Value...), nil
	}
	var number any
	if err := node.Decode(&number); err != nil {
		return out, err
	}
	text, err := json.Marshal(number)
	if err != nil {
		return appendText(out, node.Value), nil //nolint:nilerr // NaN and infinities are no JSON: they are texts there.
	}
	return append(out, text...), nil
}

func appendText(out []byte, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		return strconv.AppendQuote(out, text) // Strings always marshal.
	}
	return append(out, quoted...)
}
