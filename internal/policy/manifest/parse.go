package manifest

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/convert"
	"github.com/impulse-sh/impulse/internal/strictyaml"
)

// kinds are the kinds of objects that are read.
var kinds = []string{"ScaledObject", "TriggerAuthentication", "ClusterTriggerAuthentication"}

// Parse reads the objects of one file, and returns the mistakes in them. Objects of other kinds, such as the Deployment beside its
// ScaledObject, are skipped.
func Parse(file string, content []byte) ([]*Object, []diag.Error) {
	if len(content) > maxFile {
		return nil, []diag.Error{{File: file, Problem: fmt.Sprintf("is larger than %d bytes", maxFile)}}
	}
	reader := strictyaml.Reader{File: file}
	var (
		objects  []*Object
		problems []diag.Error
		others   int
	)
	for _, node := range reader.Documents(content) {
		for _, item := range items(node) {
			if isForeignKind(item) {
				others++
				continue
			}
			o, found := parseObject(file, item)
			problems = append(problems, found...)
			if o != nil {
				objects = append(objects, o)
			}
		}
	}
	problems = append(problems, reader.Errors()...)
	if len(objects)+len(problems)+others == 0 {
		problems = append(problems, noObjectError(file))
	}
	return objects, problems
}

// noObjectError is the error of files without an object that is read.
func noObjectError(files string) diag.Error {
	return diag.Error{File: files, Problem: "holds no object", Suggestion: "a ScaledObject of impulse.sh/v1alpha1 was expected"}
}

// isForeignKind reports whether an object has a group and a kind, and neither of them resembles one that is read.
func isForeignKind(node *yaml.Node) bool {
	group, _, _ := strings.Cut(strictyaml.Text(strictyaml.Child(node, "apiVersion")), "/")
	kind := strictyaml.Text(strictyaml.Child(node, "kind"))
	switch {
	case group == "" || kind == "", kind == "HorizontalPodAutoscaler", group == "keda.sh":
		return false
	default:
		return diag.Nearest(group, []string{v1alpha1.GroupName}) == "" && diag.Nearest(kind, kinds) == ""
	}
}

// ParseNode reads the object of a node, or the objects of a List.
func ParseNode(file string, node *yaml.Node) ([]*Object, []diag.Error) {
	var (
		objects  []*Object
		problems []diag.Error
	)
	for _, item := range items(node) {
		o, found := parseObject(file, item)
		problems = append(problems, found...)
		if o != nil {
			objects = append(objects, o)
		}
	}
	return objects, problems
}

// items returns the objects of a List, or the object itself.
func items(node *yaml.Node) []*yaml.Node {
	if list := strictyaml.Resolve(strictyaml.Child(node, "items")); strictyaml.Text(strictyaml.Child(node, "kind")) == "List" && list != nil && list.Kind == yaml.SequenceNode {
		return list.Content
	}
	return []*yaml.Node{node}
}

// parseObject reads one object.
func parseObject(file string, node *yaml.Node) (*Object, []diag.Error) {
	node = strictyaml.Resolve(node)
	o := &Object{File: file, node: node}
	group, kind := strictyaml.Text(strictyaml.Child(node, "apiVersion")), strictyaml.Text(strictyaml.Child(node, "kind"))
	switch {
	case node.Kind != yaml.MappingNode:
		return nil, []diag.Error{o.ErrorAt("", "is not an object", "")}
	case kind == "HorizontalPodAutoscaler":
		return parseHPA(o, group)
	case group == kedaGroup:
	case group != v1alpha1.GroupName+"/v1alpha1":
		return nil, []diag.Error{o.ErrorAt("apiVersion", fmt.Sprintf("%q is not known here", group), v1alpha1.GroupName+"/v1alpha1 was expected")}
	}
	if diag.Nearest(kind, kinds) != kind {
		return nil, []diag.Error{o.ErrorAt("kind", fmt.Sprintf("%q is not known here", kind), diag.Suggest(kind, kinds))}
	}
	if kind != "ScaledObject" {
		return parseAuthentication(o, kind)
	}
	so := &v1alpha1.ScaledObject{}
	problems, ok := decodeStrict(o, so)
	if !ok {
		return nil, problems
	}
	if group == kedaGroup {
		so, o.notes = convert.KEDA(so)
	}
	return o.setScaledObject(so, problems)
}

// decodeStrict decodes the object, and returns the mistakes in it; false means that it could not be decoded.
func decodeStrict[T any](o *Object, into *T) ([]diag.Error, bool) {
	problems := o.check(reflect.TypeFor[T]())
	if err := decode(o.node, into); err != nil {
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

// kedaGroup is the API version of KEDA's objects.
const kedaGroup = "keda.sh/v1alpha1"

// parseHPA reads a HorizontalPodAutoscaler and converts it.
func parseHPA(o *Object, group string) (*Object, []diag.Error) {
	if group != "autoscaling/v2" {
		return nil, []diag.Error{o.ErrorAt("apiVersion", fmt.Sprintf("%q is not known here", group), "autoscaling/v2 was expected, as kubectl get hpa.v2.autoscaling writes it")}
	}
	o.hpa = true
	hpa := &autoscalingv2.HorizontalPodAutoscaler{}
	problems, ok := decodeStrict(o, hpa)
	if !ok {
		return nil, problems
	}
	so, notes, mistakes := convert.HPA(hpa)
	o.notes = notes
	for _, m := range mistakes {
		problems = append(problems, o.ErrorAt(m.Field, m.Problem, m.Suggestion))
		metric, _, _ := strings.Cut(m.Field, "]")
		o.refused = append(o.refused, metric+"]")
	}
	return o.setScaledObject(so, problems)
}
