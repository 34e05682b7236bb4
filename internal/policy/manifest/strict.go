package manifest

import (
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/scalers"
)

// strict holds a node against a type and returns every key that the type does not have and every value of another type.
func strict(o *Object, node *yaml.Node, t reflect.Type, path string) []diag.Error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case t == reflect.TypeFor[v1alpha1.Scalar]():
		return strictNumber(o, node, path)
	case node.Tag == "!!null", free(t):
		return nil
	case t.Kind() == reflect.Struct:
		return strictStruct(o, node, t, path)
	case t.Kind() == reflect.Slice:
		if node.Kind != yaml.SequenceNode {
			return []diag.Error{o.wrongType(node, path, "a list")}
		}
		var all []diag.Error
		for i, item := range node.Content {
			all = append(all, strict(o, item, t.Elem(), fmt.Sprintf("%s[%d]", path, i))...)
		}
		return all
	case t.Kind() == reflect.Map:
		if node.Kind != yaml.MappingNode {
			return []diag.Error{o.wrongType(node, path, "a map")}
		}
		return strictMap(o, node, t.Elem(), path)
	default:
		return strictScalar(o, node, t, path)
	}
}

// free reports whether any value will do here, or is judged elsewhere.
func free(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[resource.Quantity](), reflect.TypeFor[metav1.ObjectMeta](),
		reflect.TypeFor[v1alpha1.ScaledObjectStatus](), reflect.TypeFor[autoscalingv2.HorizontalPodAutoscalerStatus](), reflect.TypeFor[metav1.Time]():
		return true
	default:
		return false
	}
}

// strictNumber refuses a number that would not reach us as it is written: the API server keeps numbers as JSON does, in 64-bit
// floating point. A quoted one is a text, of which every digit is kept.
func strictNumber(o *Object, node *yaml.Node, path string) []diag.Error {
	number, err := strconv.ParseFloat(node.Value, 64)
	if node.Tag != "!!float" || err != nil {
		return nil
	}
	written, err := scalers.ParseExact(node.Value)
	if err != nil {
		return nil // It is refused, wherever a number is wanted.
	}
	if kept, err := scalers.FromFloat(number); err == nil && kept == written {
		return nil
	}
	return []diag.Error{o.on(node, path, node.Value+" has more digits than the API server keeps of a number", fmt.Sprintf("quote it: %q", node.Value))}
}

func strictStruct(o *Object, node *yaml.Node, t reflect.Type, path string) []diag.Error {
	if node.Kind != yaml.MappingNode {
		return []diag.Error{o.wrongType(node, path, "a map")}
	}
	fields, names := fieldsOf(t)
	given, all := o.pairs(node, path)
	seen := map[string]bool{}
	for _, p := range given {
		key, value := p.key, p.value
		at := join(path, key.Value)
		field, ok := fields[key.Value]
		switch {
		case seen[key.Value]:
			all = append(all, o.on(key, at, "is given twice", ""))
		case !ok:
			all = append(all, o.on(key, at, "unknown field", diag.Suggest(key.Value, names)))
		default:
			all = append(all, strict(o, value, field, at)...)
		}
		seen[key.Value] = true
	}
	for _, name := range requiredNumbers(t) {
		if !seen[name] {
			all = append(all, o.on(node, join(path, name), "is required", "left out it would be 0"))
		}
	}
	return all
}

// requiredNumbers are those of a struct that cannot be told from 0 once they are left out.
func requiredNumbers(t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Type.Kind() == reflect.Int32 && !strings.Contains(options, "omitempty") {
			names = append(names, name)
		}
	}
	return names
}

// fieldsOf returns the fields of a struct by their names in JSON, inlined ones included.
func fieldsOf(t reflect.Type) (fields map[string]reflect.Type, names []string) {
	fields = map[string]reflect.Type{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && (options == "inline" || f.Anonymous) {
			inlined, more := fieldsOf(f.Type)
			maps.Copy(fields, inlined)
			names = append(names, more...)
			continue
		}
		fields[name], names = f.Type, append(names, name)
	}
	return fields, names
}

func strictMap(o *Object, node *yaml.Node, t reflect.Type, path string) []diag.Error {
	given, all := o.pairs(node, path)
	seen := map[string]bool{}
	for _, p := range given {
		at := join(path, p.key.Value)
		if seen[p.key.Value] {
			all = append(all, o.on(p.key, at, "is given twice", ""))
		}
		seen[p.key.Value] = true
		all = append(all, strict(o, p.value, t, at)...)
	}
	return all
}

// pairs returns what a mapping holds, and the problem of one that merges what it cannot.
func (o *Object) pairs(node *yaml.Node, path string) ([]pair, []diag.Error) {
	all, err := pairs(node)
	if err != nil {
		return all, []diag.Error{o.on(node, path, err.Error(), "")}
	}
	return all, nil
}

func strictScalar(o *Object, node *yaml.Node, t reflect.Type, path string) []diag.Error {
	expected, tag := "a string", "!!str"
	switch t.Kind() {
	case reflect.Bool:
		expected, tag = "true or false", "!!bool"
	case reflect.Int32, reflect.Int64, reflect.Int:
		expected, tag = "a whole number", "!!int"
	default:
	}
	if node.Kind != yaml.ScalarNode || node.Tag != tag {
		return []diag.Error{o.wrongType(node, path, expected)}
	}
	return nil
}

// wrongType is the problem of a value of another type. The value is taken out, so that the rest can be read.
func (o *Object) wrongType(node *yaml.Node, path, expected string) diag.Error {
	got := node.Value
	switch node.Kind {
	case yaml.MappingNode:
		got = "a map"
	case yaml.SequenceNode:
		got = "a list"
	default:
		got = fmt.Sprintf("%q", got)
	}
	p := o.on(node, path, "is "+got, expected+" was expected")
	node.Kind, node.Tag, node.Value, node.Content, node.Alias = yaml.ScalarNode, "!!null", "null", nil, nil
	return p
}

// on returns a problem at a node.
func (o *Object) on(node *yaml.Node, path, problem, suggestion string) diag.Error {
	return diag.Error{File: o.File, Line: node.Line, Column: node.Column, Object: o.name(), Field: path, Problem: problem, Suggestion: suggestion}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
