// Package manifest reads objects from YAML files and says everything that is wrong with them at once: file, line, field
// and what to write instead.
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
	// ScaledObject has its defaults filled in; nil for other kinds.
	ScaledObject *v1alpha1.ScaledObject
	// Authentication is kind namespace/name of a TriggerAuthentication, for references; "" for other kinds.
	Authentication string

	node *yaml.Node
	// hpa: it was converted from an HPA, and notes are what conversion says of it.
	hpa   bool
	notes []diag.Error
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

// ErrorAt returns a problem at a field of the object, for those who find one by other means than this package.
func (o *Object) ErrorAt(field, problem, suggestion string) diag.Error {
	return o.errorAt(field, problem, suggestion)
}

// errorAt returns a problem at a field of the object, or at the nearest thing around it that the file has.
func (o *Object) errorAt(field, problem, suggestion string) diag.Error {
	if o.hpa {
		field = convert.OriginalField(field)
	}
	line, column := strictyaml.Position(o.node, field)
	return diag.Error{File: o.File, Line: line, Column: column, Object: o.name(), Field: field, Problem: problem, Suggestion: suggestion}
}

// DefaultNamespace is that of objects in files that name none.
const DefaultNamespace = "default"

// maxFile bounds one file.
const maxFile = 4 << 20
