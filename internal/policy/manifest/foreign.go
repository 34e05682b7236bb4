package manifest

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/convert"
	"github.com/impulse-sh/impulse/internal/strictyaml"
	"github.com/impulse-sh/impulse/triggers"
)

// API versions of KEDA's objects, today and in KEDA 1.
const (
	kedaAPIVersion    = "keda.sh/v1alpha1"
	oldKEDAAPIVersion = "keda.k8s.io/v1alpha1"
)

const hpaKind = "HorizontalPodAutoscaler"

// adopt prepares an object of another API for reading as type t: it removes what the API server of the original drops, with a note for
// each field. It returns false, with the mistake, if that is not possible.
func (o *Object) adopt(t reflect.Type, api string) ([]diag.Error, bool) {
	o.foreign = true
	p := pruner{api: api}
	two := false
	content, err := strictyaml.Expand(o.node, func(path string) {
		two = two || path == "apiVersion" || path == "kind"
		p.report(path, "is given twice", "the last one counts, as in kubectl")
	})
	switch {
	case err != nil:
		return []diag.Error{o.ErrorAt("", err.Error(), "")}, false
	case two:
		return []diag.Error{o.ErrorAt("kind", "apiVersion or kind is given twice", "a line --- separates two objects")}, false
	}
	cut(content, "status")
	for _, field := range []string{"labels", "annotations"} {
		p.stringMap(strictyaml.Child(strictyaml.Child(content, "metadata"), field), "metadata."+field)
	}
	if api == oldKEDAAPIVersion {
		p.report("apiVersion", "is that of KEDA 1, which KEDA 2 does not read", "what has no setting has the default of KEDA 2")
		p.renameTarget(strictyaml.Child(strictyaml.Child(content, "spec"), "scaleTargetRef"))
	}
	p.value(content, t, "")
	o.content, o.notes = content, p.notes
	return nil, true
}

// cut removes a field of a mapping.
func cut(node *yaml.Node, key string) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			node.Content = append(node.Content[:i], node.Content[i+2:]...)
			return
		}
	}
}

// renameTarget gives the fields of a scaleTargetRef of KEDA 1 their names in KEDA 2.
func (p *pruner) renameTarget(target *yaml.Node) {
	for _, renamed := range []struct{ old, now string }{{"deploymentName", "name"}, {"containerName", "envSourceContainerName"}} {
		if target == nil || target.Kind != yaml.MappingNode || strictyaml.Child(target, renamed.now) != nil {
			continue
		}
		for i := 0; i+1 < len(target.Content); i += 2 {
			if key := target.Content[i]; key.Value == renamed.old {
				key.Value = renamed.now
				p.report("spec.scaleTargetRef."+renamed.old, "has another name in KEDA 2", "it is "+renamed.now)
			}
		}
	}
}

// parseKEDA reads one of KEDA's ScaledObjects and converts it.
func parseKEDA(o *Object, api string) (*Object, []diag.Error) {
	o.keda = true
	if strictyaml.Child(strictyaml.Child(o.node, "spec"), "jobTargetRef") != nil {
		return nil, []diag.Error{o.ErrorAt("spec.jobTargetRef", "starts jobs, which Impulse does not", "a workload with replicas is needed")}
	}
	so := &v1alpha1.ScaledObject{}
	problems, ok := decodeForeign(o, so, api)
	if !ok {
		return nil, problems
	}
	if api == oldKEDAAPIVersion {
		o.notes = append(o.notes, convert.KEDA1(&so.Spec)...)
	}
	so, notes := convert.KEDA(so)
	o.notes = append(o.notes, notes...)
	return o.setScaledObject(so, problems)
}

// decodeForeign adopts and decodes an object of another API. It returns the mistakes in it; false means that it could not be decoded.
func decodeForeign[T any](o *Object, into *T, api string) ([]diag.Error, bool) {
	if problems, ok := o.adopt(reflect.TypeFor[T](), api); !ok {
		return problems, false
	}
	return decodeStrict(o, into)
}

// hpaVersions are the versions of the HPA that are read.
const hpaVersions = "autoscaling/v2, v2beta2, v2beta1 or v1"

// parseHPA reads a HorizontalPodAutoscaler and converts it.
func parseHPA(o *Object, version string) (*Object, []diag.Error) {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{}
	var (
		problems []diag.Error
		notes    []diag.Error
		ok       bool
	)
	switch version {
	case "autoscaling/v2", "autoscaling/v2beta2":
		problems, ok = decodeForeign(o, hpa, version)
		o.original = convert.OriginalField
	case "autoscaling/v2beta1":
		old := &convert.V2beta1{}
		problems, ok = decodeForeign(o, old, version)
		hpa, notes, o.original = convert.FromV2beta1(old)
	case "autoscaling/v1":
		old := &autoscalingv1.HorizontalPodAutoscaler{}
		problems, ok = decodeForeign(o, old, version)
		hpa, notes, o.original = convert.FromV1(old)
	default:
		return nil, []diag.Error{o.ErrorAt("apiVersion", fmt.Sprintf("%q is not known here", version), hpaVersions+" was expected")}
	}
	if !ok {
		return nil, problems
	}
	so, more, mistakes := convert.HPA(hpa)
	o.notes = append(o.notes, append(notes, more...)...)
	for i := range o.notes {
		o.notes[i].Field = o.original(o.notes[i].Field)
	}
	for _, m := range mistakes {
		problems = append(problems, o.ErrorAt(m.Field, m.Problem, m.Suggestion))
		metric, _, _ := strings.Cut(m.Field, "]")
		o.refused = append(o.refused, o.original(metric+"]"))
	}
	return o.setScaledObject(so, problems)
}

// convertMetadata removes the parameters that KEDA ignores from the triggers of one of its objects.
func (o *Object) convertMetadata(known []triggers.Kind) {
	if o.keda {
		o.notes = append(o.notes, convert.Metadata(&o.ScaledObject.Spec, known)...)
	}
}
