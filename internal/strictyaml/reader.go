package strictyaml

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/diag"
)

const (
	// maxErrors bounds the errors of one file that are reported.
	maxErrors = 1000
	// maxVisits bounds how many values the aliases of one file expand to.
	maxVisits = 5_000_000
)

// Reader reads the nodes of one file and collects all errors. A value that a method could not read is reported, and what it returns
// then is of no use.
type Reader struct {
	// File is the path of the file.
	File string
	// Object is that of the errors that are reported from now on.
	Object string
	// Secret means that the file holds secrets: no error quotes a value or an unknown key of it.
	Secret bool

	errors []diag.Error
	// count includes the errors beyond maxErrors.
	count     int
	visits    int
	exhausted bool
}

// Field reads the value of one field. path is its place within the object.
type Field func(value *yaml.Node, path string)

// Errors returns what has been reported so far, at most 1000 errors and a note that there are more.
func (r *Reader) Errors() []diag.Error { return r.errors }

// Err returns what has been reported so far as one error; nil for nothing.
func (r *Reader) Err() error {
	all := make([]error, len(r.errors))
	for i, e := range r.errors {
		all[i] = e
	}
	return errors.Join(all...)
}

// Count returns the number of errors so far.
func (r *Reader) Count() int { return r.count }

// Report adds an error at a node.
func (r *Reader) Report(node *yaml.Node, path, problem, suggestion string) {
	r.Add(diag.Error{
		File: r.File, Line: node.Line, Column: node.Column, Object: r.Object, Field: path, Problem: problem, Suggestion: suggestion,
	})
}

// Add adds errors that were found by other means.
func (r *Reader) Add(found ...diag.Error) {
	for _, e := range found {
		switch r.count++; {
		case r.count <= maxErrors:
			r.errors = append(r.errors, e)
		case r.count == maxErrors+1:
			r.errors = append(r.errors, diag.Error{File: r.File, Problem: fmt.Sprintf("has more than %d mistakes", maxErrors)})
		}
	}
}

// Resolve returns the node that an alias stands for, and other nodes as they are.
func (r *Reader) Resolve(node *yaml.Node) *yaml.Node {
	r.visits++
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// Fields reads a mapping, including what << merges into it, and returns the key of each field that it has. lookup returns how to read a
// field, or false for an unknown one; known lists all names for a suggestion. A repeated field is an error unless it is in repeatable.
func (r *Reader) Fields(
	node *yaml.Node, path string, lookup func(name string) (Field, bool), known func() []string, repeatable ...string,
) map[string]*yaml.Node {
	given := make(map[string]*yaml.Node, len(node.Content)/2)
	read := func(key, value *yaml.Node) {
		field, ok := lookup(key.Value)
		at := Join(path, key.Value)
		switch {
		case !ok && r.Secret:
			r.Report(key, path, "unknown field", diag.Suggest(key.Value, known()))
		case !ok:
			r.Report(key, at, "unknown field", diag.Suggest(key.Value, known()))
		case given[key.Value] != nil && !slices.Contains(repeatable, key.Value):
			r.Report(key, at, "is given twice", "")
		default:
			given[key.Value] = key
			field(r.Resolve(value), at)
		}
	}
	if !merges(node) {
		for i := 0; i+1 < len(node.Content); i += 2 {
			read(node.Content[i], node.Content[i+1])
		}
		return given
	}
	all, err := Pairs(node)
	if err != nil {
		r.Report(node, path, err.Error(), "")
	}
	for _, p := range all {
		read(p.Key, p.Value)
	}
	return given
}

// List reads each item of a list.
func (r *Reader) List(node *yaml.Node, path string, item Field) {
	node = r.Resolve(node)
	if node.Kind != yaml.SequenceNode {
		r.WrongType(node, path, "a list")
		return
	}
	for i, n := range node.Content {
		if r.visits > maxVisits {
			r.reportExhausted(n)
			return
		}
		item(r.Resolve(n), path+"["+strconv.Itoa(i)+"]")
	}
}

// reportExhausted reports once that the file expands to too many values.
func (r *Reader) reportExhausted(node *yaml.Node) {
	if r.exhausted {
		return
	}
	r.exhausted = true
	r.count++
	r.errors = append(r.errors, diag.Error{
		File: r.File, Line: node.Line, Column: node.Column, Problem: fmt.Sprintf("its aliases expand to more than %d values", maxVisits),
	})
}

// WrongType reports a value of another type than expected.
func (r *Reader) WrongType(node *yaml.Node, path, expected string) {
	problem := "is " + describe(node)
	if r.Secret && node.Kind == yaml.ScalarNode {
		problem = "is of another type"
	}
	r.Report(node, path, problem, expected+" was expected")
}

func describe(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "a map"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.Tag == "!!null":
		return "empty"
	default:
		return strconv.Quote(node.Value)
	}
}

// Scalar returns the text of a value that is neither a map nor a list nor empty, and whether it is one.
func (r *Reader) Scalar(node *yaml.Node, path, expected string) (string, bool) {
	node = r.Resolve(node)
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		r.WrongType(node, path, expected)
		return "", false
	}
	return node.Value, true
}

// Join returns the path of a field of an object.
func Join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}
