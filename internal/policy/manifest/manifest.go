package manifest

import (
	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/strictyaml"
)

// Object is one ScaledObject or authentication in a file.
type Object struct {
	File string
	// ScaledObject has its defaults set; nil for other kinds.
	ScaledObject *v1alpha1.ScaledObject
	// Authentication is "kind namespace/name" of a TriggerAuthentication, by which triggers refer to it; "" for other kinds.
	Authentication string

	// node is the object in its file, and content what is read of it: of an object of another API, a copy without what has no effect.
	node, content *yaml.Node
	// foreign means that the object is an HPA or one of KEDA's, and keda that it is a ScaledObject of KEDA.
	foreign, keda bool
	// original returns the path in an HPA of the field from which a field of the converted object comes; nil for other objects.
	original func(field string) string
	// notes are those of a conversion.
	notes []diag.Error
	// refused are the paths of what could not be converted: further mistakes below them are not reported.
	refused []string
	// allowed are the namespaces that may use a ClusterTriggerAuthentication; nil for other kinds.
	allowed []string
	// identity is the provider of the podIdentity of an authentication; "" without one.
	identity string
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
	if o.original != nil {
		field = o.original(field)
	}
	line, column := strictyaml.Position(o.node, field)
	return diag.Error{File: o.File, Line: line, Column: column, Object: o.name(), Field: field, Problem: problem, Suggestion: suggestion}
}

// DefaultNamespace is the namespace of objects in files that name none.
const DefaultNamespace = "default"

// maxFile bounds the size of one file, in bytes.
const maxFile = 4 << 20
