package manifest

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/strictyaml"
)

// pruner removes what the API server drops from an object of another API, and notes it. A value of the wrong type that can have only one
// meaning is rewritten. The object must come from strictyaml.Expand: it has no aliases, merge keys or repeated keys.
type pruner struct {
	// api is the name of the API in notes.
	api   string
	notes []diag.Error
}

func (p *pruner) report(field, problem, suggestion string) {
	p.notes = append(p.notes, diag.Error{Field: field, Problem: problem, Suggestion: suggestion})
}

// value prunes a value that is to be read as type t.
func (p *pruner) value(node *yaml.Node, t reflect.Type, path string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case node.Tag == "!!null", anyValid(t), t == reflect.TypeFor[v1alpha1.Scalar]():
	case t.Kind() == reflect.Struct && node.Kind == yaml.MappingNode:
		p.structure(node, t, path)
	case t.Kind() == reflect.Slice && node.Kind == yaml.SequenceNode:
		for i, item := range node.Content {
			p.value(item, t.Elem(), path+"["+strconv.Itoa(i)+"]")
		}
	case t.Kind() == reflect.Map && node.Kind == yaml.MappingNode:
		p.pairs(node, t.Elem(), path)
	case node.Kind == yaml.ScalarNode:
		p.scalar(node, t.Kind(), path)
	}
}

// structure removes the fields that a struct does not have.
func (p *pruner) structure(node *yaml.Node, t reflect.Type, path string) {
	fields, names := fieldsOf(t)
	var kept []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		name := node.Content[i].Value
		field, ok := fields[name]
		if !ok {
			p.reportDropped(strictyaml.Join(path, name), "is no field of "+p.api+" and has no effect", name, names)
			continue
		}
		p.value(node.Content[i+1], field, strictyaml.Join(path, name))
		kept = append(kept, node.Content[i], node.Content[i+1])
	}
	node.Content = kept
}

// reportDropped notes that a field was removed, with the name that was probably meant.
func (p *pruner) reportDropped(path, problem, name string, known []string) {
	suggestion := "it was removed"
	if near := diag.Nearest(name, known); near != "" {
		suggestion += "; " + diag.DidYouMean(near)
	}
	p.report(path, problem, suggestion)
}

// pairs prunes the values of a map. Empty parameters of a trigger are removed.
func (p *pruner) pairs(node *yaml.Node, t reflect.Type, path string) {
	var kept []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if value.Tag == "!!null" && t == reflect.TypeFor[v1alpha1.Scalar]() {
			p.report(strictyaml.Join(path, key.Value), "is empty", "it was removed")
			continue
		}
		p.value(value, t, strictyaml.Join(path, key.Value))
		kept = append(kept, key, value)
	}
	node.Content = kept
}

// stringMap rewrites the numbers and booleans in a map of strings, such as labels, as strings.
func (p *pruner) stringMap(node *yaml.Node, path string) {
	if node == nil || node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if value := node.Content[i+1]; value.Kind == yaml.ScalarNode {
			p.scalar(value, reflect.String, strictyaml.Join(path, node.Content[i].Value))
		}
	}
}

// scalar rewrites a scalar of the wrong type.
func (p *pruner) scalar(node *yaml.Node, kind reflect.Kind, path string) {
	plain := node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	text := strings.ToLower(strings.TrimSpace(node.Value))
	tag, value := "", text
	switch {
	case kind == reflect.String && slices.Contains([]string{"!!int", "!!float", "!!bool", "!!timestamp"}, node.Tag):
		tag, value = "!!str", node.Value
	case kind == reflect.Bool && node.Tag == "!!str" && slices.Contains([]string{"true", "yes", "on"}, text):
		tag, value = "!!bool", "true"
	case kind == reflect.Bool && node.Tag == "!!str" && slices.Contains([]string{"false", "no", "off"}, text):
		tag, value = "!!bool", "false"
	case isWhole(kind) && (node.Tag == "!!str" || node.Tag == "!!float") && wholeNumber(text) != "":
		tag, value = "!!int", wholeNumber(text)
	}
	if tag == "" {
		return
	}
	if tag == "!!str" || node.Tag == "!!str" && (!plain || tag != "!!bool") { // kubectl reads yes, no, on and off as booleans.
		p.report(path, fmt.Sprintf("has the wrong type: %s refuses it", p.api), "it is read as "+value)
	}
	node.Tag, node.Value = tag, value
	if tag != "!!str" {
		node.Style = 0
	} else {
		node.Style = yaml.DoubleQuotedStyle
	}
}

// isWhole reports whether a kind is one of whole numbers.
func isWhole(kind reflect.Kind) bool {
	return kind == reflect.Int || kind == reflect.Int32 || kind == reflect.Int64
}

// wholeNumber returns a whole number that may be written with a fraction of zeros; "" for anything else.
func wholeNumber(text string) string {
	whole, fraction, _ := strings.Cut(text, ".")
	if _, err := strconv.ParseInt(whole, 10, 64); err != nil || strings.Trim(fraction, "0") != "" {
		return ""
	}
	return whole
}
