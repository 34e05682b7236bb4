package manifest

import (
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/strictyaml"
)

// kinds are the kinds of Impulse and KEDA that are read. HorizontalPodAutoscaler (hpaKind) is read, too.
var kinds = []string{"ScaledObject", "TriggerAuthentication", "ClusterTriggerAuthentication"}

// parseObject reads one object.
func parseObject(file string, node *yaml.Node) (*Object, []diag.Error) {
	node = strictyaml.Resolve(node)
	o := &Object{File: file, node: node, content: node}
	apiVersion, kind := strictyaml.Text(strictyaml.Child(node, "apiVersion")), strictyaml.Text(strictyaml.Child(node, "kind"))
	switch {
	case node.Kind != yaml.MappingNode:
		return nil, []diag.Error{o.ErrorAt("", "is not an object", "")}
	case kind == hpaKind:
		return parseHPA(o, apiVersion)
	case resemblesHPA(apiVersion, kind):
		return nil, []diag.Error{o.ErrorAt("kind", fmt.Sprintf("%q is not known here", kind), diag.DidYouMean(hpaKind))}
	case apiVersion == "":
		return nil, []diag.Error{o.ErrorAt("apiVersion", "is required", "such as "+v1alpha1.GroupName+"/v1alpha1, "+kedaAPIVersion+" or autoscaling/v2")}
	case apiVersion == kedaAPIVersion, apiVersion == oldKEDAAPIVersion:
	case apiVersion != v1alpha1.GroupName+"/v1alpha1":
		return nil, []diag.Error{o.ErrorAt("apiVersion", fmt.Sprintf("%q is not known here", apiVersion), v1alpha1.GroupName+"/v1alpha1 was expected")}
	}
	foreign := apiVersion != v1alpha1.GroupName+"/v1alpha1"
	switch {
	case foreign && kind == "ScaledJob":
		return nil, []diag.Error{o.ErrorAt("kind", "ScaledJob starts jobs, which Impulse does not", "a workload with replicas is needed")}
	case diag.Nearest(kind, kinds) != kind:
		return nil, []diag.Error{o.ErrorAt("kind", fmt.Sprintf("%q is not known here", kind), diag.Suggest(kind, kinds))}
	case kind != "ScaledObject" && foreign:
		return parseForeignAuthentication(o, kind, apiVersion)
	case kind != "ScaledObject":
		return parseAuthentication(o, kind)
	case foreign:
		return parseKEDA(o, apiVersion)
	}
	so := &v1alpha1.ScaledObject{}
	problems, ok := decodeStrict(o, so)
	if !ok {
		return nil, problems
	}
	return o.setScaledObject(so, problems)
}

// decodeStrict decodes the object, and returns the mistakes in it; false means that it could not be decoded.
func decodeStrict[T any](o *Object, into *T) ([]diag.Error, bool) {
	problems := o.check(reflect.TypeFor[T]())
	if err := decode(o.content, into); err != nil {
		if len(problems) == 0 {
			problems = append(problems, o.ErrorAt("", err.Error(), ""))
		}
		return problems, false
	}
	return problems, true
}

// setScaledObject sets the ScaledObject, with its defaults.
func (o *Object) setScaledObject(so *v1alpha1.ScaledObject, problems []diag.Error) (*Object, []diag.Error) {
	if so.Namespace == "" {
		so.Namespace = DefaultNamespace
	}
	switch {
	case so.Name == "":
		problems = append(problems, o.ErrorAt("metadata.name", "is required", ""))
	case len(validation.IsDNS1123Subdomain(so.Name)) > 0:
		problems = append(problems, o.ErrorAt("metadata.name", fmt.Sprintf("%q is no name in Kubernetes", so.Name), "lower-case letters, digits, - and ."))
	}
	compile.Default(so)
	o.ScaledObject = so
	if len(problems) > 0 {
		o.broken = true
	}
	return o, problems
}
