// Package manifest reads objects from YAML files and says everything that is wrong with them at once: file, line, field
// and what to write instead.
package manifest

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/convert"
	"github.com/impulse-sh/impulse/internal/printable"
)

// Problem is one thing that is wrong in a file, or worth knowing.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Object is kind namespace/name, as far as it is known.
	Object string `json:"object,omitempty"`
	// Field is the path within the object.
	Field      string `json:"field,omitempty"`
	Problem    string `json:"problem"`
	Suggestion string `json:"suggestion,omitempty"`
	// Warning: the object works all the same.
	Warning bool `json:"warning,omitempty"`
}

// printable returns the problem with texts that print, each in one line: they hold words of the file.
func (p Problem) printable() Problem {
	for _, text := range []*string{&p.File, &p.Object, &p.Field, &p.Problem, &p.Suggestion} {
		*text = printable.Line(*text, printable.Longest)
	}
	return p
}

// MarshalJSON returns the problem as it is printed.
func (p Problem) MarshalJSON() ([]byte, error) {
	type plain Problem
	return json.Marshal(plain(p.printable()))
}

// String returns the problem in one line, as compilers do.
func (p Problem) String() string {
	p = p.printable()
	var out strings.Builder
	out.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&out, ":%d:%d", p.Line, p.Column)
	}
	out.WriteString(": ")
	if p.Warning {
		out.WriteString("warning: ")
	}
	if p.Field != "" {
		out.WriteString(p.Field + ": ")
	}
	out.WriteString(p.Problem)
	if p.Suggestion != "" {
		out.WriteString(" (" + p.Suggestion + ")")
	}
	return out.String()
}

// Object is one ScaledObject or authentication in a file.
type Object struct {
	File string
	// ScaledObject has its defaults filled in; nil for other kinds.
	ScaledObject *v1alpha1.ScaledObject
	// Authentication is kind namespace/name of a TriggerAuthentication, for references; "" for other kinds.
	Authentication string

	node *yaml.Node
	// hpa: it was converted from an HPA, and notes are what conversion says of it.
	hpa   bool
	notes []*compile.Mistake
	// refused are the metrics of an HPA that could not be converted.
	refused []string
	// allowed are the namespaces that may use a ClusterTriggerAuthentication; nil for other kinds.
	allowed []string
	// broken: something is wrong that compiling it would not find.
	broken bool
}

// name is kind namespace/name.
func (o *Object) name() string {
	if o.ScaledObject == nil {
		return o.Authentication
	}
	return "ScaledObject " + o.ScaledObject.Namespace + "/" + o.ScaledObject.Name
}

// Problem returns a problem at a field of the object, for those who find one by other means than this package.
func (o *Object) Problem(field, problem, suggestion string) Problem {
	return o.at(field, problem, suggestion)
}

// at returns a problem at a field of the object, or at the nearest thing around it that the file has.
func (o *Object) at(field, problem, suggestion string) Problem {
	if o.hpa {
		field = convert.OriginalField(field)
	}
	line, column := position(o.node, field)
	return Problem{File: o.File, Line: line, Column: column, Object: o.name(), Field: field, Problem: problem, Suggestion: suggestion}
}

// DefaultNamespace is that of objects in files that name none.
const DefaultNamespace = "default"

// maxFile bounds one file.
const maxFile = 4 << 20
