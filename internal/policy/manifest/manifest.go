// Package manifest reads objects from YAML files, and reports all mistakes in them at once: with file, line, field and a suggestion.
package manifest

import (
	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/convert"
	"github.com/impulse-sh/impulse/internal/strictyaml"
)

// Object is one ScaledObject or authentication in a file.
type Object struct {
	File string
	// ScaledObject has its defaults set; nil for other kinds.
	ScaledObject *v1alpha1.ScaledObject
	// Authentication is "kind namespace/name" of a TriggerAuthentication, by which triggers refer to it; "" for other kinds.
	Authentication string

	node *yaml.Node
	// hpa means that the object was converted from an HPA. notes are those of a conversion.
	hpa   bool
	notes []diag.Error
	// refused are the paths of metrics of an HPA that could not be converted.
	refused []string
	// allowed are the namespaces that may use a ClusterTriggerAuthentication; nil for other kinds.
	allowed []string
	// broken means that the object has a mistake that compiling it does not find.
	broken bool
}

// name returns "kind namespace/name".
func (o *Object) name() string {
	if o.ScaledObject == nil {
		return o.Authentication
	}
	return "ScaledObject " + o.ScaledObject.Namespace + "/" + o.ScaledObject.Name
}

// ErrorAt returns an error at a field of the object, or at the innermost node around it that the file has.
func (o *Object) ErrorAt(field, problem, suggestion string) diag.Error {
	if o.hpa {
		field = convert.OriginalField(field)
	}
	line, column := strictyaml.Position(o.node, field)
	return diag.Error{File: o.File, Line: line, Column: column, Object: o.name(), Field: field, Problem: problem, Suggestion: suggestion}
}

// DefaultNamespace is the namespace of objects in files that name none.
const DefaultNamespace = "default"

// maxFile bounds the size of one file, in bytes.
const maxFile = 4 << 20
