package manifest

import (
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/strictyaml"
	"github.com/impulse-sh/impulse/scalers"
)

// strict compares nodes with Go types.
type strict struct{ strictyaml.Reader }

// check compares the object with a type and returns every field that the type does not have and every value of another type. Values of
// another type are removed, so that the rest can be decoded.
func (o *Object) check(t reflect.Type) []diag.Error {
	s := &strict{strictyaml.Reader{File: o.File, Object: o.name()}}
	s.value(s.Resolve(o.content), t, "")
	return s.Errors()
}

func (s *strict) value(node *yaml.Node, t reflect.Type, path string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[v1alpha1.Scalar]():
		s.number(node, path)
	case node.Tag == "!!null", anyValid(t):
	case t.Kind() == reflect.Struct:
		s.structure(node, t, path)
	case t.Kind() == reflect.Slice:
		if !s.hasKind(yaml.SequenceNode, node, path, "a list") {
			return
		}
		s.List(node, path, func(item *yaml.Node, path string) { s.value(item, t.Elem(), path) })
	case t.Kind() == reflect.Map:
		if !s.hasKind(yaml.MappingNode, node, path, "a map") {
			return
		}
		value := func(node *yaml.Node, path string) { s.value(node, t.Elem(), path) }
		s.Fields(node, path, func(string) (strictyaml.Field, bool) { return value, true }, nil)
	default:
		s.scalar(node, t, path)
	}
}

// anyValid reports whether any value is valid, or is validated elsewhere.
func anyValid(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[resource.Quantity](), reflect.TypeFor[metav1.ObjectMeta](),
		reflect.TypeFor[v1alpha1.ScaledObjectStatus](), reflect.TypeFor[metav1.Time]():
		return true
	default:
		return false
	}
}

// number reports a number that the API server would not store as it is written: it keeps numbers as JSON does, in 64-bit floating
// point. Of a quoted one, which is text, every digit is kept.
func (s *strict) number(node *yaml.Node, path string) {
	number, err := strconv.ParseFloat(node.Value, 64)
	if node.Tag != "!!float" || err != nil {
		return
	}
	written, err := scalers.ParseExact(node.Value)
	if err != nil {
		return // It is reported where a number is expected.
	}
	if kept, err := scalers.FromFloat(number); err == nil && kept == written {
		return
	}
	s.Report(node, path, node.Value+" has more digits than the API server keeps of a number", fmt.Sprintf("quote it: %q", node.Value))
}

func (s *strict) structure(node *yaml.Node, t reflect.Type, path string) {
	if !s.hasKind(yaml.MappingNode, node, path, "a map") {
		return
	}
	fields, names := fieldsOf(t)
	lookup := func(name string) (strictyaml.Field, bool) {
		field, ok := fields[name]
		return func(node *yaml.Node, path string) { s.value(node, field, path) }, ok
	}
	given := s.Fields(node, path, lookup, func() []string { return names })
	for _, name := range requiredNumbers(t) {
		if given[name] == nil {
			s.Report(node, strictyaml.Join(path, name), "is required", "left out it would be 0")
		}
	}
}

// requiredNumbers returns the numbers of a struct whose absence could not be distinguished from 0.
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

func (s *strict) scalar(node *yaml.Node, t reflect.Type, path string) {
	expected, tag := "a string", "!!str"
	switch t.Kind() {
	case reflect.Bool:
		expected, tag = "true or false", "!!bool"
	case reflect.Int32, reflect.Int64, reflect.Int:
		expected, tag = "a whole number", "!!int"
		if strings.HasSuffix(path, "Period") || strings.HasSuffix(path, "Interval") || strings.HasSuffix(path, "Seconds") {
			expected = "a whole number of seconds"
		}
	default:
	}
	if node.Tag != tag {
		s.remove(node, path, expected)
		return
	}
	s.hasKind(yaml.ScalarNode, node, path, expected)
}

// hasKind returns true if a node is of this kind. It reports and removes a node of another kind.
func (s *strict) hasKind(kind yaml.Kind, node *yaml.Node, path, expected string) bool {
	if node.Kind == kind {
		return true
	}
	s.remove(node, path, expected)
	return false
}

// remove reports a value of another type and replaces it by null.
func (s *strict) remove(node *yaml.Node, path, expected string) {
	s.WrongType(node, path, expected)
	node.Kind, node.Tag, node.Value, node.Content, node.Alias = yaml.ScalarNode, "!!null", "null", nil, nil
}
